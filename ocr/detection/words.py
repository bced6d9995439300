"""Decoding of character heat maps to words (CRAFT, Baek et al. 2019, section 3.3), and words to lines by geometry."""

from __future__ import annotations

import cv2
import numpy as np

from ocr.detection.settings import DetectionSettings
from ocr.geometry import min_area_rect
from ocr.geometry.rectify import BASELINE_SHARE
from ocr.types import Polygon, TextLine, TextRegion

MIN_CELLS = 4
"""Fewest cells of a word where the settings leave it open."""

WORD_GAP = 2.0
"""Neighbors in a line are at most this many text heights apart."""

WORD_OFFSET = 0.5
"""The middle of the next word lies within this share of the text height on the line's course."""


def find_words(
    region: np.ndarray,
    affinity: np.ndarray,
    *,
    stride: int,
    settings: DetectionSettings,
) -> list[TextRegion]:
    """Find words as rotated rectangles in input pixels.

    Args:
        region, affinity: (h, w) heat of characters and of the gaps between them, in [0, 1].
    """
    characters = region > settings.low_text
    links = affinity > settings.link_threshold
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (characters | links).astype(np.uint8), connectivity=4
    )
    min_cells = MIN_CELLS if settings.size_threshold < 0 else settings.size_threshold
    words = []
    for label in range(1, count):
        left, top, width, height, size = stats[label].tolist()
        window = (slice(top, top + height), slice(left, left + width))
        inside = labels[window] == label
        peak = float(region[window][inside].max())
        if size < min_cells or peak < settings.text_threshold:
            continue
        # Heat falls off before a character's edge; the word is grown back, as CRAFT does.
        ink = inside & ~(links[window] & ~characters[window])
        if not ink.any():
            continue
        grow = int(np.sqrt(size * min(width, height) / (width * height)) * 2)
        rows, columns = np.nonzero(ink)
        corners = np.stack([columns, rows], axis=1) + (left, top)
        offsets = np.array([(0, 0), (1, 0), (0, 1), (1, 1)]) + 0.0
        grown = (corners[:, None] + offsets).reshape(-1, 2) + 0.0
        rect = min_area_rect(grown * stride)
        pad = grow * stride
        rect = type(rect)(rect.center, (rect.size[0] + pad, rect.size[1] + pad), rect.angle)
        words.append(TextRegion(rect.polygon(), peak, "word"))
    return words


def group_words(words: list[TextRegion]) -> list[TextLine]:
    """Chain words that continue each other into lines; a line's outline joins its words' rectangles."""
    rects = [min_area_rect(word.polygon) for word in words]
    following: dict[int, int] = {}
    taken: set[int] = set()
    pairs = []
    for i, a in enumerate(rects):
        radians = np.deg2rad(a.angle)
        along = np.array([np.cos(radians), np.sin(radians)])
        for j, b in enumerate(rects):
            if i == j:
                continue
            height = (a.size[0] + b.size[0]) / 2
            shift = np.array(b.center) - a.center
            gap = float(shift @ along) - (a.size[1] + b.size[1]) / 2
            offset = abs(float(shift[1] * along[0] - shift[0] * along[1]))
            ahead = float(shift @ along) > 0 and gap > -0.5 * height
            if ahead and gap < WORD_GAP * height and offset < WORD_OFFSET * height:
                pairs.append((gap + 2 * offset, i, j))
    for _, i, j in sorted(pairs):
        if i not in following and j not in taken:
            following[i] = j
            taken.add(j)
    lines = []
    for start in range(len(words)):
        if start in taken:
            continue
        chain = [start]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        lines.append(_line([rects[k].polygon() for k in chain], [words[k].score for k in chain]))
    return lines


def _line(quads: list[Polygon], scores: list[float]) -> TextLine:
    top = np.concatenate([quad[:2] for quad in quads])
    bottom = np.concatenate([quad[[3, 2]] for quad in quads])
    base = top + BASELINE_SHARE * (bottom - top)
    return TextLine(
        polygon=np.concatenate([top, bottom[::-1]]).astype(np.float32),
        baseline=base.astype(np.float32),
        detection_score=float(np.mean(scores)),
    )
