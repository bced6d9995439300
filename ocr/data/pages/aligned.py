"""Real pages with characters located by forced alignment of their text: weak supervision as in CRAFT."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ocr.data.pages.manifest import PagesManifest
from ocr.data.pages.sources import AnnotatedPage
from ocr.errors import DataError
from ocr.types import Polygon


class AlignedPages(PagesManifest):
    """Pages of a manifest with the characters of their lines, where these could be aligned.

    Args:
        path, split, sources: as of `PagesManifest`.
        characters: what `ocr align pages` wrote.
        min_fit: mean log-probability of a line's characters below which its alignment is not used.
    Raises:
        DataError: a file is missing or malformed, or no page is left.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        characters: str | Path,
        split: str | None = None,
        sources: Sequence[str] | None = None,
        min_fit: float = -1.0,
    ) -> None:
        super().__init__(path, split=split, sources=sources)
        self.lines: dict[tuple[str, str], list[list[Polygon]]] = {}
        try:
            for text in Path(characters).read_text(encoding="utf-8").splitlines():
                row = json.loads(text)
                if row["fit"] >= min_fit:
                    words = [[np.array(quad, np.float32) for quad in word] for word in row["words"]]
                    self.lines[row["page"], row["line"]] = words
        except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise DataError(f"{characters}: not a file of aligned characters: {error}") from error

    def annotated(self, index: int) -> AnnotatedPage:
        """Read page `index`; lines that were not aligned are areas of unknown characters."""
        image, page = self[index]
        words: list[list[Polygon]] = []
        unknown: list[Polygon] = []
        for line in page.lines:
            aligned = self.lines.get((page.source, line.id))
            if aligned is None:
                unknown.append(line.polygon)
            else:
                words += aligned
        return AnnotatedPage(image, page, words, unknown)
