"""CSV (RFC 4180) of the rows and cells of a page, for tables, forms and receipts.

Tables with ruled lines have the cells between these lines (`ocr.output.ruled`). In all other text, columns are found
by alignment: a strip from top to bottom that hardly any row with several pieces of text crosses divides two columns.
A page without such rows has a single column with its lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from ocr.geometry.rows import PageRow, level_frame, page_rows
from ocr.output.document import Document
from ocr.output.ruled import ruled_tables
from ocr.types import Page

CROSSING = 0.1
"""Share of the rows with several pieces that may cross a strip between columns."""

MIN_STRIP = 0.3
"""Width of a strip between columns, in heights of a row."""

MIN_SPLIT = 0.6
"""Gap between words on both sides of a strip, in heights of a row, from which they are in different cells."""


def page_cells(page: Page, image: np.ndarray | None = None) -> list[list[str]]:
    """Divide the text of a page into rows of cells, all rows with the same number of cells.

    Args:
        image: uint8 (h, w, 3) RGB, where ruled lines are looked for; None: cells are found by alignment only.
    """
    read = [line for line in page.lines if line.text]
    if not read:
        return []
    tables, rest = ([], read) if image is None else ruled_tables(read, image)
    rows = page_rows(rest, level_frame(read))
    strips = column_strips(rows)
    cells: list[list[str]] = []
    for row in rows:
        while tables and (tables[0].top + tables[0].bottom) / 2 < row.level:
            cells += tables.pop(0).rows
        cells.append(_cells(row, strips))
    for table in tables:
        cells += table.rows
    width = max(map(len, cells))
    return [row + [""] * (width - len(row)) for row in cells]


def column_strips(rows: Sequence[PageRow]) -> list[tuple[float, float]]:
    """Find the strips between columns: their left and right ends in pixels, from left to right."""
    table = [row for row in rows if len(row.pieces) > 1]
    if not table:
        return []
    pieces = [[(piece[0].left, piece[-1].right) for piece in row.pieces] for row in table]
    edges = np.unique([x for row in pieces for piece in row for x in piece])
    middles = (edges[1:] + edges[:-1]) / 2
    crossed = np.zeros(len(middles))
    for row in pieces:
        crossed += np.any([(left < middles) & (middles < right) for left, right in row], axis=0)
    free = crossed <= CROSSING * len(table)
    least = MIN_STRIP * float(np.median([row.height for row in table]))
    strips = []
    for run in np.split(np.arange(len(free)), np.flatnonzero(np.diff(free.astype(int))) + 1):
        left, right = float(edges[run[0]]), float(edges[run[-1] + 1])
        if free[run[0]] and right - left >= least and _divides(pieces, (left + right) / 2):
            strips.append((left, right))
    return strips


def _divides(rows: Sequence[Sequence[tuple[float, float]]], x: float) -> bool:
    """Return True where at least one row has pieces on both sides of `x`."""
    return any(row[0][1] <= x <= row[-1][0] for row in rows)


def _cells(row: PageRow, strips: Sequence[tuple[float, float]]) -> list[str]:
    """Put the pieces of a row into columns; pieces are cut where a gap between words lies on a strip."""
    cells: list[list[str]] = [[] for _ in range(len(strips) + 1)]
    middles = [(left + right) / 2 for left, right in strips]
    column, before = 0, -np.inf
    for piece in row.pieces:
        for number, word in enumerate(piece):
            gap = word.left - before
            inside = bool(number) and (
                gap < MIN_SPLIT * row.height or not any(before <= x <= word.left for x in middles)
            )
            if not inside:
                # By its middle: what hangs over a strip belongs to the side on which most of it lies.
                column = max(column, sum(x < (word.left + word.right) / 2 for x in middles))
            cells[column].append(word.text)
            before = word.right
    return [" ".join(words) for words in cells]


class CsvDocument(Document):
    """CSV file of one source, with an empty line between pages."""

    divider = ""

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append the rows of a page, with cells by its ruled lines where there is an image."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(page_cells(page, image))
        self.put(self.divider + text.getvalue())
        self.divider = "\n"
