"""Checked lines as a data set to learn from: a Parquet manifest (`ocr.data.lines.manifest`) for each page."""

from __future__ import annotations

import glob
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from ocr.data.lines.decode import image_aspect, load_line
from ocr.data.lines.manifest import write_manifest
from ocr.data.lines.sources import ConcatLines
from ocr.demo.session import Session, Upload, UploadPage
from ocr.errors import OcrError
from ocr.text.normalize import normalize
from ocr.types import LineSample

LINES, PAGES = 20, 2
"""The fewest to adapt a recognizer to: one page is held back to measure by."""

SUFFIX = ".lines.parquet"


class CheckedLines:
    """The lines of a page that a person has confirmed or corrected, as a `LineSource`; those without text are not."""

    def __init__(self, document: Upload, sheet: UploadPage) -> None:
        self.document, self.sheet, self.name = document, sheet, document.name
        self.rows = [
            (number, text) for number, line in sorted(sheet.checked.items()) if (text := normalize(line.text))
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> LineSample:
        number, text = self.rows[index]
        page = page_id(self.document, self.sheet)
        name = f"{page}-{number + 1}"
        image = load_line(self.sheet.crop(number), name=name)
        return LineSample(image=image, text=text, id=name, document=page, source=self.name)

    def widths(self) -> np.ndarray:
        """(n,) float64 width over height."""
        return np.array([image_aspect(self.sheet.crop(number)) for number, _ in self.rows], np.float64)


@dataclass(frozen=True)
class Gathered:
    """How much there is to learn from, and the command that does; empty before it is enough."""

    lines: int
    pages: int
    command: str = ""


def page_id(document: Upload, sheet: UploadPage) -> str:
    """The same for the same page of the same file, in whatever session and under whatever name."""
    return f"{document.digest}-{sheet.number}"


def manifest(session: Session, document: Upload, sheet: UploadPage, folder: Path) -> Path:
    """The file with the checked lines of a page."""
    stem = re.sub(r"[^\w.-]+", "_", Path(document.name).stem)
    return folder / f"{stem}.{page_id(document, sheet)}.{session.tag}{SUFFIX}"


def save_lines(lines: CheckedLines, path: Path) -> None:
    """Write the lines in place of what the file held; without any, there is none. Raises OSError."""
    if not len(lines):
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole at any moment: somebody may be learning from it.
    part = path.with_name(f".{path.name}.part")
    try:
        write_manifest(lines, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def collect(session: Session, path: Path) -> None:
    """Write all checked lines of a session as one manifest. Raises OcrError if there are none."""
    sources = [CheckedLines(document, sheet) for document, sheet in session.sheets()]
    sources = [source for source in sources if len(source)]
    if not sources:
        raise OcrError("no line has been checked yet")
    write_manifest(ConcatLines(sources), path)


def gathered_by(session: Session | None) -> Gathered:
    """What a session has checked, and the command for the file that it can download; without one, nothing."""
    sheets = session.sheets() if session else ()
    counts = [len(CheckedLines(document, sheet)) for document, sheet in sheets]
    return _gathered(sum(counts), sum(count > 0 for count in counts), "corrections.parquet")


def gathered_in(folder: Path) -> Gathered:
    """What all sessions have left in a folder, and the command that learns from it."""
    files = sorted(folder.glob(f"[!.]*{SUFFIX}"))
    # A page that came twice is the same page, and its lines are the same lines.
    lines = {line for file in files for line in pq.read_table(file, columns=["id"])["id"].to_pylist()}
    pages = {line.rpartition("-")[0] for line in lines}
    return _gathered(len(lines), len(pages), f"{glob.escape(str(folder.resolve()))}/*{SUFFIX}")


def _gathered(lines: int, pages: int, path: str) -> Gathered:
    if lines < LINES or pages < PAGES:
        return Gathered(lines, pages)
    # Quoted for the configuration's grammar, too, where it has a meaning for a character.
    value = path if re.fullmatch(r"[\w./*-]+", path) else '"' + re.sub(r'([\\"])', r"\\\1", path) + '"'
    return Gathered(lines, pages, f"uv run train.py experiment=adapt {shlex.quote(f'data.path={value}')}")
