"""Lines of a page with all that lies on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ocr.geometry.maps import CoordinateMap
from ocr.geometry.polygons import polygon_area
from ocr.types import TextLine, Word


def line_height(line: TextLine) -> float:
    """Mean height of a line in page pixels."""
    length = float(np.linalg.norm(np.diff(line.baseline, axis=0), axis=1).sum())
    return polygon_area(line.polygon) / max(length, 1.0)


def moved_line(line: TextLine, to: CoordinateMap) -> TextLine:
    """Return a line, with its words and their characters, mapped to other coordinates."""
    return replace(
        line,
        polygon=to.apply(line.polygon),
        baseline=to.apply(line.baseline),
        words=[_moved_word(word, to) for word in line.words],
    )


def _moved_word(word: Word, to: CoordinateMap) -> Word:
    characters = [replace(item, polygon=to.apply(item.polygon)) for item in word.characters]
    return replace(word, polygon=to.apply(word.polygon), characters=characters)
