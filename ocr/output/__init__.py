"""Writers: what was read on a page, as text, JSON or a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ocr.output import draw, json, text
from ocr.types import Page


@dataclass(frozen=True)
class Writer:
    """One output format: the suffix of its files, and `write(page, image, path)`."""

    suffix: str
    write: Callable[[Page, np.ndarray | None, Path], None]


WRITERS: dict[str, Writer] = {
    "txt": Writer(".txt", text.write),
    "json": Writer(".json", json.write),
    "draw": Writer(".draw.png", draw.write),
}
