"""The order in which a person reads the lines of a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.geometry.rectangle import min_area_rect
from ocr.types import Polygon, TextLine


def reading_order(lines: Sequence[TextLine | Polygon], page_size: tuple[int, int]) -> list[int]:
    """Indices of `lines` in reading order; `page_size` is (height, width)."""
    if len(lines) < 2:
        return list(range(len(lines)))
    boxes = np.array([_core(line) for line in lines])
    return [int(i) for i in np.lexsort((boxes[:, 0], boxes[:, 1]))]


def _core(line: TextLine | Polygon) -> tuple[float, float]:
    rect = min_area_rect(line.polygon if isinstance(line, TextLine) else line)
    return rect.center
