"""Plain text: the lines of the page as they are, divided into paragraphs, or run on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ocr.errors import ConfigError
from ocr.geometry import paragraphs
from ocr.types import Page

LAYOUTS = ("lines", "paragraphs", "running")
"""`lines`: a line of the page a line of text. `paragraphs`: the same, with an empty line between paragraphs.
`running`: a paragraph is one long line, in which words that were divided at a line's end are whole again."""

_DIVIDED = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011\u00ac\u2e17=]$")
"""A hyphen in the forms that hands and printers give it, after a letter, at the end of a line."""


def page_text(page: Page, layout: str = "lines") -> str:
    """The page's text, ending in a newline unless it is empty. Lines that were read as nothing are left out.

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
    """One line of text made of several; a word divided by a hyphen is put together.

    A hyphen stays where the next line begins with a capital or a digit (`Jean-` `Paul`, `1914-` `1918`): it is the
    word's own. One before a small letter is taken for a division, which costs `peut-` `être` its hyphen.
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
    """Raises ConfigError if `layout` is none of `LAYOUTS`."""
    if layout not in LAYOUTS:
        raise ConfigError(f"text={layout}: choose from {', '.join(LAYOUTS)}")


def write(page: Page, image: np.ndarray | None, path: Path, layout: str = "lines") -> None:
    """Write the text as UTF-8; `image` is not used. Raises OSError if `path` cannot be written."""
    path.write_text(page_text(page, layout), encoding="utf-8", newline="\n")
