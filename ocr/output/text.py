"""Plain text: the lines of the page, with or without paragraphs, or paragraphs joined to single lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ocr.errors import ConfigError
from ocr.geometry import paragraphs
from ocr.geometry.rows import PageRow, page_rows
from ocr.output.document import Document
from ocr.types import Page

LAYOUTS = ("lines", "paragraphs", "running", "rows")
"""`lines`: one line of text per line of the page. `paragraphs`: the same, with an empty line between paragraphs.
`running`: one long line per paragraph, in which words that were hyphenated at the end of a line are joined.
`rows`: words that stand on one level are one line, with as many spaces between them as there is room on the page."""

NARROW = 25
"""Percentile of the widths of characters on a page that is the width of a column in the layout `rows`."""

WIDE_STEP = 1.8
"""Distance to the next row, in usual distances, from which an empty line stands between them in that layout."""

PAGE_DIVIDER = "\f"
"""Form feed, between pages."""

_DIVIDED = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011\u00ac\u2e17=]$")
"""A hyphen in one of its handwritten or printed forms, after a letter at the end of a line."""


def page_text(page: Page, layout: str = "lines") -> str:
    """Return the text of a page, which ends with a newline unless it is empty; lines without text are left out.

    Raises:
        ConfigError: `layout` is none of `LAYOUTS`.
    """
    check_layout(layout)
    if layout == "lines":
        return "".join(f"{line.text}\n" for line in page.lines if line.text)
    if layout == "rows":
        return _rows_text(page_rows(page.lines))
    groups = [[line.text for line in group if line.text] for group in paragraphs(page.lines)]
    join = join_lines if layout == "running" else "\n".join
    return "\n".join(f"{join(texts)}\n" for texts in groups if texts)


def _rows_text(rows: Sequence[PageRow]) -> str:
    """Lay out rows by spaces: each piece begins at the column of its place, an empty line stands for a wide space."""
    if not rows:
        return ""
    pieces = [piece for row in rows for piece in row.pieces]
    lengths = [sum(len(word.text) + 1 for word in piece) - 1 for piece in pieces]
    widths = [(piece[-1].right - piece[0].left) / size for piece, size in zip(pieces, lengths, strict=True)]
    # Narrower than most, so that few pieces are longer than their place.
    unit = max(float(np.percentile(widths, NARROW)), 1e-6)
    margin = min(piece[0].left for piece in pieces)
    steps = np.diff([row.level for row in rows])
    usual = float(np.median(steps)) if len(steps) else 0.0
    text = ""
    for number, row in enumerate(rows):
        if number and steps[number - 1] > WIDE_STEP * usual:
            text += "\n"
        line = ""
        for piece in row.pieces:
            line = f"{line} " if line else ""
            line = line.ljust(round((piece[0].left - margin) / unit)) + " ".join(word.text for word in piece)
        text += f"{line}\n"
    return text


def join_lines(lines: Sequence[str]) -> str:
    """Join lines to a single one, and the parts of hyphenated words to words.

    A hyphen is kept where the next line begins with a capital or a digit (`Jean-` `Paul`, `1914-` `1918`). Before a
    small letter it is removed, also from words such as `peut-` `être`, which are spelled with a hyphen.
    """
    text = ""
    for line in lines:
        if not text:
            text = line
        elif _DIVIDED.search(text) and line[:1].islower():
            text = text[:-1] + line
        elif re.search(r"\w-$", text) and re.match(r"\w", line):
            text += line
        else:
            text += f" {line}"
    return text


def check_layout(layout: str) -> None:
    """Check a layout. Raises ConfigError if it is none of `LAYOUTS`."""
    if layout not in LAYOUTS:
        raise ConfigError(f"text={layout}: choose from {', '.join(LAYOUTS)}")


class TextDocument(Document):
    """Text of one source in UTF-8; a form feed precedes the second and further pages."""

    def __init__(self, path: Path, original: Path | bytes | None = None, *, layout: str = "lines") -> None:
        super().__init__(path, original)
        self.layout = layout
        self.divider = ""

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append the text of a page; `image` is not used."""
        self.put(self.divider + page_text(page, self.layout))
        self.divider = PAGE_DIVIDER
