"""Text of a page for formats in which people go on writing: running paragraphs, lists and verse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ocr.geometry import paragraphs
from ocr.output.text import join_lines
from ocr.types import Page, TextLine

SHORT = 0.85
"""Length below which a line is short, as a share of the length that a fifth of the lines of the page exceed."""

_BULLET = re.compile(r"[-*\u2022\u00b7]\s+(?=\S)")


@dataclass(frozen=True)
class Passage:
    """A paragraph or an item of a list. It has several `lines` only where the line breaks of the page matter."""

    lines: list[str]
    item: bool = False


def page_passages(page: Page) -> list[Passage]:
    """Divide the text of a page into passages.

    Lines are joined as in the layout `running` of `ocr.output.text`. Line breaks are kept where most lines but the
    last end early, as in verse and addresses. Lines that begin with a bullet or hyphen are items of a list if there
    are at least two of them in a paragraph.
    """
    usual = float(np.percentile([_length(line) for line in page.lines], 80)) if page.lines else 0.0
    passages = []
    for group in paragraphs(page.lines):
        read = [line for line in group if line.text]
        if not read:
            continue
        if sum(bool(_BULLET.match(line.text)) for line in read) > 1:
            passages += _items([line.text for line in read])
        elif _ends_early(read, usual):
            passages.append(Passage([line.text for line in read]))
        else:
            passages.append(Passage([join_lines([line.text for line in read])]))
    return passages


def _items(texts: Sequence[str]) -> list[Passage]:
    """Join the lines of each item; those before the first bullet are a paragraph."""
    groups: list[list[str]] = []
    for text in texts:
        if not groups or _BULLET.match(text):
            groups.append([])
        groups[-1].append(text)
    joined = [join_lines(group) for group in groups]
    return [Passage([_BULLET.sub("", text, count=1)], item=bool(_BULLET.match(text))) for text in joined]


def _ends_early(lines: Sequence[TextLine], usual: float) -> bool:
    short = [_length(line) < SHORT * usual for line in lines[:-1]]
    return bool(short) and sum(short) > len(short) / 2


def _length(line: TextLine) -> float:
    return float(np.linalg.norm(np.asarray(line.baseline[-1]) - line.baseline[0]))
