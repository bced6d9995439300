"""Output of recognized pages in several file formats."""

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
    """An output format: the suffix of its files, and the function `write(page, image, path)` for a single page.

    Formats whose files hold many pages also have a `document`, the class that writes such files.
    """

    suffix: str
    write: Callable[[Page, np.ndarray | None, Path], None]
    document: Callable[[Path], Document] | None = None
    shows_image: bool = False
    """True where the file holds the image of the page, or parts of it, so that coordinates refer to that image."""


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
    """Select the writers of some formats.

    Args:
        names: keys of `WRITERS`. text: layout of `txt`. drawing: options of `draw`.
    Raises:
        ConfigError: unknown format or layout.
    """
    for name in names:
        if name not in WRITERS:
            raise ConfigError(f"formats: unknown format {name!r}, choose from {', '.join(WRITERS)}")
    txt.check_layout(text)
    changed = {"txt": partial(txt.write, layout=text), "draw": partial(draw.write, options=drawing)}
    return [replace(WRITERS[name], write=changed.get(name, WRITERS[name].write)) for name in names]
