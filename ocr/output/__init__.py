"""Output of recognized pages in several file formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ocr.errors import ConfigError
from ocr.output.alto import AltoDocument
from ocr.output.csv import CsvDocument
from ocr.output.document import Document
from ocr.output.docx import DocxDocument
from ocr.output.draw import DrawDocument, DrawOptions
from ocr.output.hocr import HocrDocument
from ocr.output.html import HtmlReport
from ocr.output.json import JsonDocument
from ocr.output.markdown import MarkdownDocument
from ocr.output.page_xml import PageXmlDocument
from ocr.output.pdf import PdfDocument
from ocr.output.text import TextDocument, check_layout
from ocr.output.tsv import TsvDocument
from ocr.types import Page


@dataclass(frozen=True)
class Writer:
    """An output format: the suffix of its files, and `document(path, original)`, which opens one for writing."""

    suffix: str
    document: Callable[..., Document]
    many_pages: bool = True
    """False where a file can hold a single page only."""
    uses_image: bool = False
    """True where the file is made with the image of the page, so that coordinates refer to that image."""

    def write(
        self, page: Page, image: np.ndarray | None, path: Path, *, original: Path | bytes | None = None
    ) -> None:
        """Write a file of a single page.

        Args:
            image: uint8 (h, w, 3) RGB; None will do for formats that do not use it, and for `csv`.
            original: the file that the page comes from, as a path or its bytes.
        Raises:
            ConfigError: the format needs an image. OSError: `path` cannot be written.
        """
        with self.document(path, original) as document:
            document.add(page, image)


WRITERS: dict[str, Writer] = {
    "txt": Writer(".txt", TextDocument),
    "md": Writer(".md", MarkdownDocument),
    "docx": Writer(".docx", DocxDocument),
    "json": Writer(".json", JsonDocument),
    "alto": Writer(".alto.xml", AltoDocument),
    "page": Writer(".page.xml", PageXmlDocument, many_pages=False),
    "hocr": Writer(".hocr", HocrDocument),
    "csv": Writer(".csv", CsvDocument, uses_image=True),
    "tsv": Writer(".tsv", TsvDocument),
    "pdf": Writer(".ocr.pdf", PdfDocument, uses_image=True),
    "html": Writer(".html", HtmlReport, uses_image=True),
    "draw": Writer(".draw.png", DrawDocument, many_pages=False, uses_image=True),
}


def choose_writers(
    names: Sequence[str], *, text: str = "lines", drawing: DrawOptions | None = None
) -> list[Writer]:
    """Select the writers of some formats.

    Args:
        names: keys of `WRITERS`. text: layout of `txt`. drawing: options of `draw`.
    Raises:
        ConfigError: unknown format or layout.
    """
    for name in names:
        if name not in WRITERS:
            raise ConfigError(f"formats: unknown format {name!r}, choose from {', '.join(WRITERS)}")
    check_layout(text)
    changed = {"txt": partial(TextDocument, layout=text), "draw": partial(DrawDocument, options=drawing)}
    return [replace(WRITERS[name], document=changed.get(name, WRITERS[name].document)) for name in names]
