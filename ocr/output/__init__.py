"""Writers: what was read on a page, in the formats of people and programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ocr.output import alto, draw, hocr, json, page_xml, text, tsv
from ocr.types import Page


@dataclass(frozen=True)
class Writer:
    """One output format: the suffix of its files, and `write(page, image, path)`."""

    suffix: str
    write: Callable[[Page, np.ndarray | None, Path], None]


WRITERS: dict[str, Writer] = {
    "txt": Writer(".txt", text.write),
    "json": Writer(".json", json.write),
    "alto": Writer(".alto.xml", alto.write),
    "page": Writer(".page.xml", page_xml.write),
    "hocr": Writer(".hocr", hocr.write),
    "tsv": Writer(".tsv", tsv.write),
    "draw": Writer(".draw.png", draw.write),
}
