"""Real lines that ship with the package, rehearsed while a recognizer adapts to another hand."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ocr.data.lines.manifest import ParquetLines


def rehearsal_lines() -> ParquetLines:
    """Open the 500 shipped lines of the training splits of nine French collections; see `ocr/data/assets/README.md`.

    Rehearsal (Robins 1995) of a few old examples keeps most of what a network has learned from all of them.
    """
    return ParquetLines(Path(str(files("ocr.data") / "assets" / "rehearsal.parquet")))
