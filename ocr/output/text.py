"""Plain text: the lines of the page, with or without paragraphs, or paragraphs joined to single lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ocr.errors import ConfigError
from ocr.geometry import paragraphs
from ocr.output.document import Document
from ocr.types import Page

LAYOUTS = ("lines", "paragraphs", "running")
"""`lines`: one line of text per line of the page. `paragraphs`: the same, with an empty line between paragraphs.
`running`: one long line per paragraph, in which words that were hyphenated at the end of a line are joined."""

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
    groups = [[line.text for line in group if line.text] for group in paragraphs(page.lines)]
    join = join_lines if layout == "running" else "\n".join
    return "\n".join(f"{join(texts)}\n" for texts in groups if texts)


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
