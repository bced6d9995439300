"""Lines that a detector finds in photographs, textures and stains: told from writing by how they read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.geometry import bounding_box
from ocr.inference.settings import DEFAULTS
from ocr.types import TextLine

MIN_PAGE_CONFIDENCE = 0.6
"""Mean confidence of a page that holds writing: 37 validation pages had 0.72 and more, of the hardest hand 0.66."""

MIN_SINGLE_CONFIDENCE = 0.8
"""Confidence that a line needs to count on any other page, such as the sign in a photograph; in 48 pictures without
text no line was read with as much."""

MIN_CHARACTERS = 5
"""Characters on a page below which they need that confidence as well: a texture may read like a figure."""

TAIL_CHARACTERS = 2
"""Characters up to which a short piece at a long line may be the tail of one of its letters ..."""

TAIL_SCORE = 0.75
"""... where it is found with less than this detection score ..."""

TAIL_CONFIDENCE = 0.75
"""... and read with less than this confidence; tails of a y are read as `;` with up to 0.66."""

TAIL_LENGTH = 3.0
"""Ratio of the lengths of a line and of the tail of a letter in it, at least."""


def reading_confidence(lines: Sequence[TextLine]) -> float:
    """Mean confidence of lines that were read, by their length; 0 without lines."""
    if not lines:
        return 0.0
    lengths = [max(line_length(line), 1.0) for line in lines]
    return float(np.average([line.confidence for line in lines], weights=lengths))


def line_length(line: TextLine) -> float:
    """Distance of the ends of a line's baseline in page pixels."""
    return float(np.linalg.norm(line.baseline[-1] - line.baseline[0]))


def only_text(
    lines: Sequence[TextLine], *, min_confidence: float = DEFAULTS.min_confidence
) -> list[TextLine]:
    """Those of a page's lines that are writing, in their order.

    Lines without text, lines read with less than `min_confidence`, and tails of letters are dropped. On pages whose
    mean confidence is below `MIN_PAGE_CONFIDENCE`, lines of a single character are dropped as well; on these, and on
    pages with fewer than `MIN_CHARACTERS` characters, so are lines below `MIN_SINGLE_CONFIDENCE`. With
    `min_confidence=0` all stay.
    """
    if min_confidence <= 0:
        return list(lines)
    read = [line for line in lines if line.text and line.confidence >= min_confidence]
    read = [line for line in read if not _is_tail(line, read)]
    is_text = reading_confidence(lines) >= MIN_PAGE_CONFIDENCE
    if is_text and sum(len(line.text) for line in read) >= MIN_CHARACTERS:
        return read
    return [
        line for line in read if line.confidence >= MIN_SINGLE_CONFIDENCE and (is_text or len(line.text) > 1)
    ]


def _is_tail(piece: TextLine, lines: Sequence[TextLine]) -> bool:
    """Return True for what is doubtful, short, and touches a long line from above or below; figures stay."""
    if (
        len(piece.text) > TAIL_CHARACTERS
        or piece.text.isdigit()
        or piece.confidence >= TAIL_CONFIDENCE
        or piece.detection_score >= TAIL_SCORE
    ):
        return False
    left, top, right, bottom = bounding_box(piece.polygon)
    for line in lines:
        x0, y0, x1, y1 = bounding_box(line.polygon)
        is_within = x0 <= (left + right) / 2 <= x1 and x1 - x0 > TAIL_LENGTH * (right - left)
        if is_within and top <= y1 and bottom >= y0:
            return True
    return False
