"""Lines that a detector finds in photographs, textures and stains: told from writing by how they read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.inference.settings import DEFAULTS
from ocr.types import TextLine

MIN_PAGE_CONFIDENCE = 0.6
"""Mean confidence of a page that holds writing: 37 validation pages had 0.72 and more, of the hardest hand 0.66."""

MIN_SINGLE_CONFIDENCE = 0.8
"""Confidence that a line needs to count on any other page, such as the sign in a photograph; in 48 pictures without
text no line was read with as much."""

MIN_CHARACTERS = 5
"""Characters on a page below which they need that confidence as well: a texture may read like a figure."""


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

    Lines without text, and lines read with less than `min_confidence`, are dropped. On pages whose mean confidence is
    below `MIN_PAGE_CONFIDENCE`, lines of a single character are dropped as well; on these, and on pages with fewer
    than `MIN_CHARACTERS` characters, so are lines below `MIN_SINGLE_CONFIDENCE`. With `min_confidence=0` all stay.
    """
    if min_confidence <= 0:
        return list(lines)
    read = [line for line in lines if line.text and line.confidence >= min_confidence]
    is_text = reading_confidence(lines) >= MIN_PAGE_CONFIDENCE
    if is_text and sum(len(line.text) for line in read) >= MIN_CHARACTERS:
        return read
    return [
        line for line in read if line.confidence >= MIN_SINGLE_CONFIDENCE and (is_text or len(line.text) > 1)
    ]
