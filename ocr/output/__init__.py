"""Writers: what was read on a page, in the formats of people and programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ocr.errors import ConfigError
from ocr.output import alto, draw, hocr, html, json, page_xml, pdf, tsv
from ocr.output import text as txt
from ocr.output.document import Document
from ocr.types import Page


@dataclass(frozen=True)
class Writer:
    """One output format: the suffix of its files, and `write(page, image, path)` for a file of one page.

    Formats whose files hold many pages have a `document` as well.
    """

    suffix: str
    write: Callable[[Page, np.ndarray | None, Path], None]
    document: Callable[[Path], Document] | None = None
    shows_image: bool = False
    """The file holds the page's image, or parts of it, so that places in pixels are that image's."""


WRITERS: dict[str, Writer] = {
    "txt": Writer(".txt", txt.write),
    "json": Writer(".json", json.write),
    "alto": Writer(".alto.xml", alto.write),
    "page": Writer(".page.xml", page_xml.write),
    "hocr": Writer(".hocr", hocr.write),
    "tsv": Writer(".tsv", tsv.write),
    "pdf": Writer(".ocr.pdf", pdf.write, pdf.PdfDocument, shows_image=True),
    "html": Writer(".html", html.write, html.HtmlReport, shows_image=True),
    "draw": Writer(".draw.png", draw.write, shows_image=True),
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
