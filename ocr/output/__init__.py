"""Writers: what was read on a page, in the formats of people and programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ocr.output import alto, draw, hocr, json, page_xml, pdf, text, tsv
from ocr.types import Page


class Document(Protocol):
    """A file that grows page by page; as a context manager it is finished, and closed, on leaving.

    Made from its path, which raises OSError if it cannot be written.
    """

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page and its image, uint8 (h, w, 3) RGB."""

    def __enter__(self) -> Document: ...

    def __exit__(self, *exception: object) -> None: ...


@dataclass(frozen=True)
class Writer:
    """One output format: the suffix of its files, and `write(page, image, path)` for a file of one page.

    Formats whose files hold many pages have a `document` as well.
    """

    suffix: str
    write: Callable[[Page, np.ndarray | None, Path], None]
    document: Callable[[Path], Document] | None = None


WRITERS: dict[str, Writer] = {
    "txt": Writer(".txt", text.write),
    "json": Writer(".json", json.write),
    "alto": Writer(".alto.xml", alto.write),
    "page": Writer(".page.xml", page_xml.write),
    "hocr": Writer(".hocr", hocr.write),
    "tsv": Writer(".tsv", tsv.write),
    "pdf": Writer(".ocr.pdf", pdf.write, pdf.PdfDocument),
    "draw": Writer(".draw.png", draw.write),
}
