"""Annotated pages from a JSON-lines manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ocr.data.pages.outline import MAX_EXTENT, as_baseline, as_polygon
from ocr.data.pages.sources import AnnotatedPage
from ocr.errors import DataError, ImageError
from ocr.image.io import load_page
from ocr.text.normalize import normalize
from ocr.types import Page, TextLine

_REQUIRED = ("id", "file", "width", "height", "source", "split", "lines")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_side(value: object) -> bool:
    return type(value) is int and 0 < value <= MAX_EXTENT


_TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(("id", "file", "source", "split"), (_is_text, "text")),
    **dict.fromkeys(("width", "height"), (_is_side, f"whole pixels up to {MAX_EXTENT}")),
    "lines": (lambda value: isinstance(value, list), "a list"),
    "page": (lambda value: value is None or _is_side(value), "the number of a page, from 1"),
}
"""What a row may hold: a test of the value, and what it expects."""


class PagesManifest:
    """Pages with the outline, baseline and text of their lines; `[i]` is (image uint8 (h, w, 3) RGB, Page).

    One page a row: `id, file` (relative to the manifest's folder or the one above it)`, width, height, source,
    split, lines[{id, polygon, baseline, text, kind, skip?}]` and optionally `complete, ignore, page`. A line with
    `skip` keeps its outline, because it is ink, but has no text. `page` is the number of the page in a PDF or TIFF,
    counted from 1; a file of several pages is refused without it.

    Args:
        path: the manifest. split: keep only these pages; None keeps all. sources: keep only these sets.

    Raises:
        DataError: the manifest is missing, a row of it is malformed (the message names its number), or no page
            is left; from `[i]`, the page's image is missing, unreadable, or of another size than stated.
    """

    endless = False

    def __init__(
        self, path: str | Path, *, split: str | None = None, sources: Sequence[str] | None = None
    ) -> None:
        self.path = Path(path)
        self.rows: list[dict] = []
        self.numbers: list[int] = []
        try:
            content = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self.path}: not a readable manifest: {error}") from error
        for number, text in enumerate(content.split("\n"), start=1):
            if text.strip():
                row = self._parse(text, number)
                if split in (None, row["split"]) and (sources is None or row["source"] in sources):
                    self.rows.append(row)
                    self.numbers.append(number)
        if not self.rows:
            raise DataError(f"{self.path}: no pages with split={split!r}, sources={sources!r}")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, Page]:
        page = self.page(index)
        file = self._file(self.rows[index]["file"])
        try:
            image = load_page(file, number=self.rows[index].get("page")).pixels
        except ImageError as error:
            raise DataError(f"{self._row(index)}: {error}") from error
        if image.shape[:2] != (page.height, page.width):
            raise DataError(
                f"{self._row(index)}: image is {image.shape[:2]}, the row says {(page.height, page.width)}"
            )
        return image, page

    def annotated(self, index: int) -> AnnotatedPage:
        """Read page `index`; a manifest has no characters."""
        return AnnotatedPage(*self[index])

    def page(self, index: int) -> Page:
        """Read the annotation of a page without its image."""
        row = self.rows[index]
        try:
            lines = [_line(line) for line in row["lines"]]
            ignore = [as_polygon(polygon) for polygon in row.get("ignore") or []]
        except (DataError, KeyError, TypeError) as error:
            raise DataError(f"{self._row(index)}: {_reason(error)}") from error
        return Page(
            source=row["id"],
            height=row["height"],
            width=row["width"],
            lines=lines,
            ignore=ignore,
            complete=bool(row.get("complete", True)),
        )

    def _parse(self, text: str, number: int) -> dict:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.path}:{number}: not JSON: {error}") from error
        missing = [key for key in _REQUIRED if key not in row] if isinstance(row, dict) else list(_REQUIRED)
        if missing:
            raise DataError(f"{self.path}:{number}: missing {', '.join(missing)}")
        for key, (usable, expected) in _TYPES.items():
            if not usable(row.get(key)):
                raise DataError(
                    f"{self.path}:{number}: {key} is {str(row.get(key))[:60]!r}, expected {expected}"
                )
        return row

    def _file(self, name: str) -> Path:
        beside = self.path.parent / name
        return beside if os.path.exists(beside) else self.path.parent.parent / name

    def _row(self, index: int) -> str:
        return f"{self.path}:{self.numbers[index]}: page {self.rows[index]['id']!r}"


def _line(row: dict) -> TextLine:
    try:
        polygon = as_polygon(row["polygon"])
        baseline = as_baseline(row.get("baseline"), polygon)
    except (DataError, KeyError) as error:
        raise DataError(f"line {row.get('id')!r}: {_reason(error)}") from error
    text, kind = row.get("text") or "", row.get("kind") or ""
    if not isinstance(text, str) or not isinstance(kind, str):
        wrong = kind if isinstance(text, str) else text
        raise DataError(f"line {row.get('id')!r}: expected text, got {str(wrong)[:60]!r}")
    return TextLine(
        polygon=polygon,
        baseline=baseline,
        text="" if row.get("skip") else normalize(text),
        kind=kind,
        id=str(row.get("id", "")),
    )


def _reason(error: Exception) -> str:
    return f"missing {error}" if isinstance(error, KeyError) else str(error)
