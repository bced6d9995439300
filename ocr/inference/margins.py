"""Notes that run up or down the margin of a page, which a look at the upright page takes for single letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ocr.geometry import CoordinateMap, bounding_box, moved_line, to_shapely
from ocr.inference.orientation import turned_back
from ocr.inference.text_filter import MIN_PAGE_CONFIDENCE, MIN_SINGLE_CONFIDENCE
from ocr.types import TextLine

BODY_CHARACTERS = 4
"""Characters from which a line that reads well belongs to the body of a page."""

BODY_PERCENT = 10
"""Percent of the lines of the body that may begin left of its left edge, or end right of its right one."""

MIN_NOTE_CHARACTERS = 3
"""Characters from which a sideways line counts as one."""

STEEP = 1.5
"""Ratio of height to width from which a line, or a cluster of pieces, may be writing on its side."""

ReadStrip = Callable[[np.ndarray], list[TextLine]]
"""Finds and reads the lines of an upright picture, uint8 (h, w, 3)."""


def read_margins(image: np.ndarray, lines: Sequence[TextLine], *, read: ReadStrip) -> list[TextLine]:
    """Read the notes on their side that stand left and right of the body of a page, and put them after it.

    A margin is looked at again where it holds a cluster of doubtful pieces that is higher than wide: after a quarter
    turn in either direction. Lines that read well there replace the pieces. Where none do, single doubtful letters of
    such a cluster are dropped: nobody writes letters one below the other.

    Args:
        image: uint8 (h, w, 3) RGB, upright. lines: found on it, and read.
        read: finds and reads the lines of an upright picture.
    """
    body = [line for line in lines if _in_body(line)]
    if len(body) < 2:
        return list(lines)
    width = image.shape[1]
    boxes = np.array([bounding_box(line.polygon) for line in body])
    left = float(np.percentile(boxes[:, 0], BODY_PERCENT))
    right = float(np.percentile(boxes[:, 2], 100 - BODY_PERCENT))
    result, notes = list(lines), []
    for start, end in ((0.0, left), (right, float(width))):
        pieces = [line for line in result if _is_doubtful(line) and _is_between(line, start, end)]
        if not pieces or not _is_steep(pieces):
            continue
        x0, x1 = _reach(pieces, start, end)
        to_page = CoordinateMap.translate(x0, 0)
        found = [moved_line(note, to_page) for note in _sideways(image[:, x0:x1], read)]
        gone = {id(piece) for piece in pieces if _is_letter(piece) or _is_explained(piece, found)}
        # A letter on its side may look like a figure, which alone is no doubtful piece.
        gone |= {id(line) for line in result if len(line.text) <= 2 and _is_explained(line, found)}
        result = [line for line in result if id(line) not in gone]
        notes += found
    return result + notes


def _in_body(line: TextLine) -> bool:
    return len(line.text) >= BODY_CHARACTERS and line.confidence >= MIN_PAGE_CONFIDENCE and not _is_tall(line)


def _is_tall(line: TextLine) -> bool:
    left, top, right, bottom = bounding_box(line.polygon)
    return bottom - top > STEEP * (right - left)


def _is_doubtful(line: TextLine) -> bool:
    """Recognize what a piece of a sideways note may be taken for; figures are numbers of lines or paragraphs."""
    short = len(line.text) <= 2 and not line.text.isdigit()
    return short or line.confidence < MIN_PAGE_CONFIDENCE or _is_tall(line)


def _is_letter(piece: TextLine) -> bool:
    """Recognize a single doubtful letter; dashes and dots stand for items of a list."""
    return len(piece.text) < 2 and piece.text.isalpha() and piece.confidence < MIN_SINGLE_CONFIDENCE


def _is_between(line: TextLine, start: float, end: float) -> bool:
    left, _, right, _ = bounding_box(line.polygon)
    return start <= (left + right) / 2 <= end and min(right, end) - max(left, start) > 0.8 * (right - left)


def _is_steep(pieces: Sequence[TextLine]) -> bool:
    left, top, right, bottom = bounding_box(np.concatenate([piece.polygon for piece in pieces]))
    return bottom - top > STEEP * (right - left)


def _reach(pieces: Sequence[TextLine], start: float, end: float) -> tuple[int, int]:
    """Columns of a margin as wide as its pieces and, on either side, what they may lack."""
    left, _, right, _ = bounding_box(np.concatenate([piece.polygon for piece in pieces]))
    more = right - left
    return int(max(left - more, start)), int(np.ceil(min(right + more, end)))


def _sideways(strip: np.ndarray, read: ReadStrip) -> list[TextLine]:
    """Return the lines of a strip that read well after a quarter turn, in the better direction, at their places."""
    best: list[TextLine] = []
    for turns in (1, 3):
        lines = [line for line in read(np.ascontiguousarray(np.rot90(strip, turns))) if _is_note(line)]
        if _evidence(lines) > _evidence(best):
            best = turned_back(lines, strip.shape[:2], turns)
    return best


def _is_note(line: TextLine) -> bool:
    return len(line.text) >= MIN_NOTE_CHARACTERS and line.confidence >= MIN_PAGE_CONFIDENCE


def _evidence(lines: Sequence[TextLine]) -> float:
    return sum(len(line.text) * line.confidence for line in lines)


def _is_explained(piece: TextLine, notes: Sequence[TextLine]) -> bool:
    shape = to_shapely(piece.polygon)
    return any(shape.intersection(to_shapely(note.polygon)).area > 0.3 * shape.area for note in notes)
