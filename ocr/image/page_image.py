"""A page as it comes out of a file, and which pages of a file are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ocr.errors import ConfigError, ImageError

DPI = 200
"""Pixels per inch that PDF pages are drawn at, unless they are scans."""

MAX_PIXELS = 300_000_000
"""Larger pictures are refused by their header, before any memory is taken for them."""

ENOUGH_PIXELS = 100_000_000
"""More do not help reading: an A2 page at 600 dpi has 140 million. PDF pages are drawn with at most so many."""


@dataclass(frozen=True)
class PageImage:
    """One page of a file: `pixels` uint8 (h, w, 3) RGB, upright."""

    pixels: np.ndarray
    number: int = 1
    """1-based position in the file."""
    count: int = 1
    """Number of pages in the file."""
    dpi: float = 0.0
    """Of `pixels`, to the inch; 0 where the file does not tell."""
    text: str = ""
    """The text that a PDF holds beside what is to be seen; empty for pictures."""
    reduced_from: tuple[int, int] | None = None
    """(height, width) of the picture in its file, where `pixels` are fewer."""


@dataclass(frozen=True)
class PageRange:
    """Selection of pages of a file: numbers from 1 and spans of them, all inclusive."""

    spans: tuple[tuple[int, int], ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> PageRange:
        """Parse `7`, `1-3,7`, `-2` (up to 2) or `5-` (from 5 on). Raises ConfigError for anything else."""
        spans = []
        for part in text.split(","):
            match = re.fullmatch(r"\s*(\d{0,9})\s*(-?)\s*(\d{0,9})\s*", part, re.ASCII)
            first, dash, last = match.groups() if match else ("", "", "")
            if not (first or last) or (last and not dash):
                raise ConfigError(f"pages={text}: give numbers and spans, as in pages=1-3,7")
            start, end = int(first or 1), int(last) if last else 10**9 if dash else int(first)
            if start < 1 or end < start:
                raise ConfigError(f"pages={text}: {part.strip()} is no span of pages counted from 1")
            spans.append((start, end))
        return cls(tuple(spans), text)

    @classmethod
    def of(cls, pages: PageRange | str | int | Iterable[int]) -> PageRange:
        """Convert what names pages: a text as for `parse`, a number, or numbers. Raises ConfigError for others."""
        if isinstance(pages, PageRange):
            return pages
        if isinstance(pages, str):
            return cls.parse(pages)
        numbers = list(pages) if isinstance(pages, Iterable) else [pages]
        if not numbers or any(isinstance(n, bool) or not isinstance(n, int) for n in numbers):
            raise ConfigError(f"pages={pages!r}: give numbers and spans, as in pages=1-3,7")
        if min(numbers) < 1:
            raise ConfigError(f"pages={pages!r}: pages are counted from 1")
        return cls.parse(",".join(str(n) for n in numbers))

    def select(self, count: int, name: str) -> list[int]:
        """The wanted ones of `count` pages, ascending. Raises ImageError, naming the file, where there are none."""
        found = [n for n in range(1, count + 1) if any(start <= n <= end for start, end in self.spans)]
        if not found:
            raise ImageError(f"{name}: has {count} page{'s' * (count != 1)}, none of pages={self.text}")
        return found


ALL_PAGES = PageRange(((1, 10**9),), "1-")

FIRST_PAGE = PageRange(((1, 1),), "1")


@dataclass(frozen=True)
class PdfLimits:
    """Limits of time and memory for drawing a page of a PDF. Raises ConfigError for limits too small for any page."""

    seconds: float = 20.0
    """For opening the document, and for each page."""
    megabytes: int = 2048
    """Of address space, where the system can limit it; a page of 100 megapixels takes 600."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds < 1e6 or not 256 <= self.megabytes < 1e9:
            raise ConfigError(
                f"pdf limits of {self.seconds} s and {self.megabytes} MB: expected more than 0 and at least 256"
            )


DEFAULT_LIMITS = PdfLimits()


def check_size(name: str, *, height: int, width: int) -> None:
    """Raise ImageError for a page without pixels or of more than `MAX_PIXELS`."""
    if width < 1 or height < 1:
        raise ImageError(f"{name}: has no pixels ({width} x {height})")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width} x {height} is {width * height / 1e6:.0f} megapixels, "
            f"more than {MAX_PIXELS / 1e6:.0f}"
        )
