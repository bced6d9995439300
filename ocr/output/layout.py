"""Helpers of the formats with coordinates: parts of a line, boxes and valid XML text."""

from __future__ import annotations

import math
import re
from pathlib import PurePath

import numpy as np

from ocr.types import Page, Polygon, TextLine, Word

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parts(line: TextLine) -> list[Word]:
    """Return the words of a line, or the whole line as a single one where its words do not make up its text.

    Empty for a line without text.
    """
    if not line.text:
        return []
    if [word.text for word in line.words] == line.text.split():
        return line.words
    return [Word(line.text, line.polygon, line.confidence)]


def outline(polygon: Polygon) -> Polygon:
    """Return the polygon as (n, 2) float32; where it is too small to be read back, the square of a pixel instead."""
    polygon = np.asarray(polygon, np.float32).reshape(-1, 2)
    if len(polygon) > 2 and np.ptp(polygon, axis=0).max() >= 1:
        return polygon
    x, y = np.floor(polygon.min(axis=0))
    return np.array([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], np.float32)


def box(polygons: list[Polygon], page: Page) -> tuple[int, int, int, int]:
    """Compute the box (left, top, right, bottom) of polygons in whole pixels of the page, at least one pixel."""
    points = np.concatenate([np.asarray(polygon).reshape(-1, 2) for polygon in polygons])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    left, top = (min(max(math.floor(v), 0), size - 1) for v, size in ((left, page.width), (top, page.height)))
    right, bottom = math.ceil(min(right, page.width)), math.ceil(min(bottom, page.height))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def file_name(page: Page) -> str:
    """Return the file name of the image without its folders, as programs search for it beside the result."""
    return xml_text(PurePath(page.source.replace("\\", "/")).name)


def xml_text(text: str) -> str:
    """Replace all characters that XML does not allow by U+FFFD."""
    return _NOT_XML.sub("\ufffd", text)
