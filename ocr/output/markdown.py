"""Markdown (CommonMark 0.31): paragraphs, lists and verse, with a rule between pages."""

from __future__ import annotations

import re

import numpy as np

from ocr.output.document import Document
from ocr.output.prose import Passage, page_passages
from ocr.types import Page

PAGE_DIVIDER = "---\n\n"
"""Thematic break between pages."""

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~$]|&(?=#?\w+;)")
"""Characters with a meaning anywhere in a line, in CommonMark or one of its common extensions."""

_SPECIAL_AT_START = re.compile(r"[#+=-](?=\s|[#+=-]|$)|(?<=\d)[.)](?=\s|$)")
"""Markers of headings and lists, which have a meaning at the start of a line."""


def page_markdown(page: Page) -> str:
    """Convert a page to Markdown; each block ends with an empty line."""
    return "".join(f"{_passage(passage)}\n\n" for passage in page_passages(page))


def escape(text: str) -> str:
    """Escape what would be markup in a line of Markdown."""
    text = _SPECIAL.sub(r"\\\g<0>", text)
    start = _SPECIAL_AT_START.search(text)
    if start and re.fullmatch(r"\d{0,9}", text[: start.start()]):
        text = f"{text[: start.start()]}\\{text[start.start() :]}"
    return text


def _passage(passage: Passage) -> str:
    # A backslash at the end of a line is a line break.
    text = "\\\n".join(map(escape, passage.lines))
    return f"- {text}" if passage.item else text


class MarkdownDocument(Document):
    """Markdown file of one source."""

    divider = ""

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append the text of a page; `image` is not used."""
        self.put(self.divider + page_markdown(page))
        self.divider = PAGE_DIVIDER
