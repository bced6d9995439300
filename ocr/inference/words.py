"""Places of words and characters on the page, from the reading of a straightened line."""

from __future__ import annotations

import numpy as np
from shapely.geometry import box

from ocr.decoding import Hypothesis
from ocr.geometry import RectifiedLine, to_shapely
from ocr.types import Character, Polygon, Word


def place_words(
    hypothesis: Hypothesis, outline: Polygon, crop: RectifiedLine, *, page_size: tuple[int, int]
) -> list[Word]:
    """The words of a line's reading and their characters, with their polygons in page pixels.

    A word reaches from its first to its last character and, there, from the top to the bottom of the line's
    `outline` (n, 2); so do its characters. `page_size`: (height, width).
    """
    straight = to_shapely(crop.to_crop(outline))
    height = float(crop.image.shape[0])
    rings = []
    for word in hypothesis.words:
        start, end = word.start, max(word.end, word.start + 1)
        inside = straight.intersection(box(start, -1e6, end, 1e6))
        top, bottom = (0.0, height) if inside.is_empty else inside.bounds[1::2]
        # A bent line needs points between the corners, about two text heights apart.
        rings.append(_ring(start, end, top, bottom, points=2 + int((end - start) / (2 * height))))
        rings += [_ring(span.start, span.end, top, bottom) for span in word.characters]
    if not rings:
        return []
    # All at once: the way to the page costs much the same for one point and for a thousand.
    points = np.clip(crop.to_page(np.vstack(rings)), 0, page_size[::-1]).astype(np.float32)
    polygons = iter(np.split(points, np.cumsum([len(ring) for ring in rings])[:-1]))
    return [
        Word(
            word.text,
            next(polygons),
            word.confidence,
            [Character(span.character, next(polygons), span.confidence) for span in word.characters],
        )
        for word in hypothesis.words
    ]


def _ring(start: float, end: float, top: float, bottom: float, *, points: int = 2) -> np.ndarray:
    """(2 * points, 2) outline of a box of the crop, from the upper left, with `points` along each long side."""
    columns = np.linspace(start, end, points)
    upper = np.column_stack([columns, np.full(points, top)])
    return np.vstack([upper, np.column_stack([columns, np.full(points, bottom)])[::-1]])
