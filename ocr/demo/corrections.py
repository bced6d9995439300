"""Checked lines as training data: a Parquet manifest (`ocr.data.lines.manifest`) per page."""

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

MIN_LINES, MIN_PAGES = 20, 2
"""Lowest numbers of checked lines and pages for adapting a recognizer; one page is held out for validation."""

SUFFIX = ".lines.parquet"


class CheckedLines:
    """The lines of a page that a person has confirmed or corrected, without empty ones, as a `LineSource`."""

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
class CheckedCounts:
    """Number of checked lines and pages, and the command that trains on them; empty where there are too few."""

    lines: int
    pages: int
    command: str = ""


def page_id(document: Upload, sheet: UploadPage) -> str:
    """Return an id that is equal for the same page of the same file, in any session and under any name."""
    return f"{document.digest}-{sheet.number}"


def manifest(session: Session, document: Upload, sheet: UploadPage, folder: Path) -> Path:
    """Return the path of the file with the checked lines of a page."""
    stem = re.sub(r"[^\w.-]+", "_", Path(document.name).stem)
    return folder / f"{stem}.{page_id(document, sheet)}.{session.tag}{SUFFIX}"


def save_lines(lines: CheckedLines, path: Path) -> None:
    """Replace the content of a file by the lines; without lines, the file is removed. Raises OSError."""
    if not len(lines):
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step, as a training run may be reading it.
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


def count_session(session: Session | None) -> CheckedCounts:
    """Count the checked lines of a session, with the command for the file that can be downloaded."""
    sheets = session.sheets() if session else ()
    counts = [len(CheckedLines(document, sheet)) for document, sheet in sheets]
    return _with_command(sum(counts), sum(count > 0 for count in counts), "corrections.parquet")


def count_folder(folder: Path) -> CheckedCounts:
    """Count the checked lines of all sessions in a folder, with the command for them."""
    files = sorted(folder.glob(f"[!.]*{SUFFIX}"))
    # Lines of a page that was uploaded twice count once.
    lines = {line for file in files for line in pq.read_table(file, columns=["id"])["id"].to_pylist()}
    pages = {line.rpartition("-")[0] for line in lines}
    return _with_command(len(lines), len(pages), f"{glob.escape(str(folder.resolve()))}/*{SUFFIX}")


def _with_command(lines: int, pages: int, path: str) -> CheckedCounts:
    if lines < MIN_LINES or pages < MIN_PAGES:
        return CheckedCounts(lines, pages)
    # Quoted for the grammar of Hydra as well, where it gives a meaning to a character.
    value = path if re.fullmatch(r"[\w./*-]+", path) else '"' + re.sub(r'([\\"])', r"\\\1", path) + '"'
    return CheckedCounts(
        lines, pages, f"uv run ocr train experiment=adapt {shlex.quote(f'data.path={value}')}"
    )
