"""Checked lines as training data: a Parquet manifest (`ocr.data.lines.manifest`) per page."""

from __future__ import annotations

import glob
import os
import re
import secrets
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ocr.data.lines.decode import image_aspect, load_line
from ocr.data.lines.manifest import manifest_row, write_manifest, write_rows
from ocr.data.lines.sources import ConcatLines
from ocr.demo.session import Session, Upload, UploadPage
from ocr.errors import DataError, ImageError, OcrError
from ocr.text.normalize import normalize
from ocr.types import LineSample

MIN_LINES, MIN_PAGES = 20, 2
"""Lowest numbers of checked lines and pages for adapting a recognizer; one page is held out for validation."""

SUFFIX = ".lines.parquet"


class CheckedLines:
    """The lines of a page that a person has confirmed or corrected, without empty ones, as a `LineSource`."""

    def __init__(self, document: Upload, sheet: UploadPage) -> None:
        self.document, self.sheet, self.name = document, sheet, document.name
        kept = ((number, sheet.checked[number]) for number in sorted(sheet.order) if number in sheet.checked)
        self.rows = [(number, text) for number, line in kept if (text := normalize(line.text))]

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

    def manifest_rows(self) -> list[dict]:
        """Return the rows of a manifest, without lines whose picture cannot be read.

        A line's picture is encoded once: a manifest is written each time that one of its lines is saved.
        """
        found = []
        for index, (number, text) in enumerate(self.rows):
            if number not in self.sheet.rows:
                try:
                    self.sheet.rows[number] = manifest_row(self[index])
                except (DataError, ImageError):
                    continue
            found.append(self.sheet.rows[number] | {"text": text})
        return found


@dataclass(frozen=True)
class CheckedCounts:
    """Number of checked lines and pages, and the command that trains on them; empty where there are too few."""

    lines: int
    pages: int
    command: str = ""
    damaged: tuple[str, ...] = ()
    """Names of files that cannot be read; training would refuse them."""

    @property
    def enough(self) -> bool:
        """Return True where a recognizer can be adapted to the lines."""
        return self.lines >= MIN_LINES and self.pages >= MIN_PAGES


def page_id(document: Upload, sheet: UploadPage) -> str:
    """Return an id that is equal for the same page of the same file, in any session and under any name."""
    return f"{document.digest}-{sheet.number}"


def manifest(session: Session, document: Upload, sheet: UploadPage, folder: Path) -> Path:
    """Return the path of the file with the checked lines of a page."""
    stem = re.sub(r"[^\w.-]+", "_", Path(document.name).stem)
    return folder / f"{stem}.{page_id(document, sheet)}.{session.tag}{SUFFIX}"


def save_lines(lines: CheckedLines, path: Path) -> None:
    """Replace the content of a file by the lines; without lines, the file is removed. Raises OSError."""
    rows = lines.manifest_rows()
    if not rows:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step, as a training run may be reading it; "x" never follows a link that has this name.
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            write_rows(rows, file)
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


class FolderCounts:
    """Counts of the checked lines of all sessions in a folder; a file is read once as long as it stays the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, tuple[tuple[int, int], frozenset[str] | None]] = {}

    def count(self) -> CheckedCounts:
        """Count the lines that are there now, with the command for them; damaged files are named, and left out."""
        known, damaged = {}, []
        for file in sorted(self.folder.glob(f"[!.]*{SUFFIX}")):
            try:
                status = file.stat()
                mark = (status.st_mtime_ns, status.st_size)
                # Anything else than a file, such as a pipe, might never end.
                ids = None if not file.is_file() else self._ids(file, mark)
            except OSError:
                ids, mark = None, (0, 0)
            known[file] = (mark, ids)
            if ids is None:
                damaged.append(file.name)
        self._known = known
        # Lines of a page that was uploaded twice count once.
        lines = frozenset().union(*(ids for _, ids in known.values() if ids))
        pages = {line.rpartition("-")[0] for line in lines}
        found = _with_command(len(lines), len(pages), "" if damaged else self.pattern)
        return replace(found, damaged=tuple(damaged))

    @property
    def pattern(self) -> str:
        """Pattern that all files with lines match."""
        return f"{glob.escape(str(self.folder.resolve()))}/*{SUFFIX}"

    def _ids(self, file: Path, mark: tuple[int, int]) -> frozenset[str] | None:
        """Return the ids of the lines in a file; None where it is damaged."""
        if file in self._known and self._known[file][0] == mark:
            return self._known[file][1]
        try:
            return frozenset(map(str, pq.read_table(file, columns=["id"])["id"].to_pylist()))
        except (pa.ArrowException, OSError, ValueError, KeyError):
            return None


def _with_command(lines: int, pages: int, path: str) -> CheckedCounts:
    if lines < MIN_LINES or pages < MIN_PAGES or not path:
        return CheckedCounts(lines, pages)
    # Quoted for the grammar of Hydra as well, where it gives a meaning to a character.
    value = path if re.fullmatch(r"[\w./*-]+", path) else '"' + re.sub(r'([\\"])', r"\\\1", path) + '"'
    return CheckedCounts(
        lines, pages, f"uv run ocr train experiment=adapt {shlex.quote(f'data.path={value}')}"
    )
