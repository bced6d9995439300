"""Invisible text of a page of a PDF, placed so that programs which know nothing of its origin find it again.

Programs put text together from the places of its characters: poppler (`pdftotext`) by geometry alone, PDFium, pdf.js
and browsers mostly by their order in the file. Turned characters, or such of several sizes, are torn apart by the
former. Characters therefore stand upright with respect to the page or a quarter turn of it, each word on one
level, and all lines of similar height have the same size; slanted lines descend word by word, as far as they may.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ocr.output.layout import outline, parts
from ocr.output.pdf_font import ADVANCE, InvisibleFont
from ocr.types import TextLine

SAME_SIZE = 1.6
"""Factor between the median size of the lines on a page and sizes that are replaced by it."""

MAX_RISE = 0.3
"""Rise of a line from its first to its last word, in sizes, to which a steeper one is flattened. Poppler takes words
for another line if their level differs from that of the first by half a size, and PDFium joins lines that rise so."""

MAX_GAP = 0.5
"""Distance between words of a line, in sizes; what is more belongs to the word on the left."""


MIN_COVERED = 0.85
"""Share of the width of a text that its words must cover: below 0.8, PDFium may take it for vertical writing."""


class _LevelWord(NamedTuple):
    """A word in a frame in which its line runs to the right: `left`, `right` and the `level` of its baseline."""

    text: str
    left: float
    right: float
    level: float


class _LevelLine(NamedTuple):
    """A line in such a frame, which is `quarter` quarter turns clockwise from the page."""

    words: list[_LevelWord]
    quarter: int
    size: float


def text_layer(lines: Sequence[TextLine], height: float, font: InvisibleFont, name: str = "/NoInk") -> str:
    """Write the operators that show lines, in a frame whose unit is a pixel and whose y grows up.

    Args:
        lines: in reading order, in pixels of a page of `height` pixels.
        font: assigns codes to the characters; `name` is its name in the resources of the page.
    """
    rows = [_row(line) for line in lines if parts(line)]
    if not rows:
        return ""
    usual = float(np.median([row.size for row in rows]))
    shown = ["BT 3 Tr\n", _show_span(rows, usual, height, font, name)]
    for row in rows:
        same = usual / SAME_SIZE < row.size < usual * SAME_SIZE
        size = usual if same else row.size
        shown.append(f"{name} {size:.2f} Tf\n")
        shown.append(_show_row(row, size, height, font))
    return "".join([*shown, "ET\n"])


def _row(line: TextLine) -> _LevelLine:
    start, end = np.asarray(line.baseline, np.float64)[[0, -1]]
    way = end - start if np.linalg.norm(end - start) > 1e-6 else np.array([1.0, 0.0])
    quarter = round(float(np.arctan2(way[1], way[0])) / (np.pi / 2)) % 4
    turn = _turn(quarter)
    path = np.asarray(line.baseline, np.float64) @ turn
    path = path[np.argsort(path[:, 0], kind="stable")]
    normal = np.array([-way[1], way[0]]) / np.linalg.norm(way)
    words, heights = [], []
    for word in parts(line):
        corners = outline(word.polygon).astype(np.float64)
        heights.append(float(np.ptp(corners @ normal)))
        x = corners @ turn[:, 0]
        level = float(np.interp((x.min() + x.max()) / 2, *path.T))
        words.append(_LevelWord(" ".join(word.text.split()), float(x.min()), float(x.max()), level))
    return _LevelLine(words, quarter, max(float(np.median(heights)), 1.0))


def _turn(quarter: int) -> np.ndarray:
    """(2, 2) matrix by which points (n, 2) of the page are multiplied from the right."""
    return np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), quarter)


def _show_span(rows: Sequence[_LevelLine], size: float, height: float, font: InvisibleFont, name: str) -> str:
    """Write a space as wide as the text, where columns or short lines leave so much free that PDFium needs it."""
    quarter = int(np.bincount([row.quarter for row in rows]).argmax())
    words = [word for row in rows if row.quarter == quarter for word in row.words]
    left, right = min(word.left for word in words), max(word.right for word in words)
    covered = np.zeros(200, bool)
    for word in words:
        start, end = ((x - left) / max(right - left, 1.0) * len(covered) for x in (word.left, word.right))
        covered[int(start) : int(np.ceil(end))] = True
    if len(words) < 2 or covered.mean() > MIN_COVERED:
        return ""
    level = min(word.level for word in words) - size
    span = _LevelLine([_LevelWord(" ", left, right, level)], quarter, size)
    return f"{name} {size:.2f} Tf\n{_show_row(span, size, height, font)}"


def _show_row(row: _LevelLine, size: float, height: float, font: InvisibleFont) -> str:
    levels = np.array([word.level for word in row.words])
    rise = float(np.ptp(levels))
    levels = np.median(levels) + (levels - np.median(levels)) * min(1.0, MAX_RISE * size / max(rise, 1e-6))
    back = _turn(row.quarter).T
    shown = []
    for number, (word, level) in enumerate(zip(row.words, levels, strict=True)):
        following = row.words[number + 1].left if number + 1 < len(row.words) else None
        right = word.right if following is None else max(word.right, following - MAX_GAP * size)
        x, y = np.array([word.left, level]) @ back
        (a, b), (c, d) = back * [[1, -1], [-1, 1]]
        shown.append(f"{a:g} {b:g} {c:g} {d:g} {x:.2f} {height - y:.2f} Tm\n")
        shown.append(_show(word.text, right - word.left, size, font))
        if following is not None:
            shown.append(_show(" ", following - right, size, font))
    return "".join(shown)


def _show(text: str, width: float, size: float, font: InvisibleFont) -> str:
    """Write the operators that show text, stretched to `width`."""
    stretch = 100 * max(width, 0.01 * size) / (len(text) * ADVANCE * size)
    return f"{stretch:.2f} Tz <{font.encode(text)}> Tj\n"
