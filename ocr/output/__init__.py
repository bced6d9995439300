"""Writers: what was read on a page, in the formats of people and programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from ocr.errors import ConfigError
from ocr.output import alto, draw, hocr, json, page_xml, pdf, tsv
from ocr.output import text as txt
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
    "txt": Writer(".txt", txt.write),
    "json": Writer(".json", json.write),
    "alto": Writer(".alto.xml", alto.write),
    "page": Writer(".page.xml", page_xml.write),
    "hocr": Writer(".hocr", hocr.write),
    "tsv": Writer(".tsv", tsv.write),
    "pdf": Writer(".ocr.pdf", pdf.write, pdf.PdfDocument),
    "draw": Writer(".draw.png", draw.write),
}


def choose_writers(
    names: Sequence[str], *, text: str = "lines", drawing: draw.DrawOptions | None = None
) -> list[Writer]:
    """The writers of the formats `names`; `text` is the layout of `txt`, `drawing` the look of `draw`.

    Raises:
        ConfigError: there is no such format or layout.
    """
    for name in names:
        if name not in WRITERS:
            raise ConfigError(f"formats: unknown format {name!r}, choose from {', '.join(WRITERS)}")
    txt.check_layout(text)
    changed = {"txt": partial(txt.write, layout=text), "draw": partial(draw.write, options=drawing)}
    return [replace(WRITERS[name], write=changed.get(name, WRITERS[name].write)) for name in names]
