"""The IAM Handwriting Database as distributed (Marti & Bunke 2002)."""

from __future__ import annotations

import html
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ocr.data.formats.xml import parse_xml
from ocr.data.lines.decode import image_aspect, load_line
from ocr.data.lines.sources import warn
from ocr.errors import DataError
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample

log = logging.getLogger(__name__)

_SPLIT_NAMES = {
    "train": ("train", "trainset"),
    "val": ("validation", "val", "valid", "validationset", "validationset1", "validationset2"),
    "test": ("test", "testset"),
}
_SPLIT_SUFFIXES = (".txt", ".uttlist", ".lst", "")
_SPLIT_FOLDERS = ("", "splits", "ascii", "task", "largeWriterIndependentTextLineRecognitionTask")


@dataclass
class _Line:
    id: str
    form: str
    writer: str
    text: str
    ok: bool


class IamLines:
    """Lines of IAM: images `lines/a01/a01-000u/a01-000u-00.png`, labels from `xml/` or else `ascii/lines.txt`.

    Args:
        root: the folder that holds `lines` and one of `xml`, `ascii`.
        split: a list of line or form ids, one a line: a file, or `train`, `val` or `test`, looked up as the
            usual lists are named (`trainset.txt`, `validationset1.txt` and `2`, `train.uttlist` of the Aachen
            partition ...) in `splits`, `root`, and the folders IAM and its users keep them in. None: all lines.
        splits: folder of the lists.
        only_ok: leave out lines whose automatic segmentation into words is marked `err`; their text is right.
        normalize: bring the text to the project's normal form.
        on_problem: is told of each file of `xml` that is left out; default a warning.

    Raises:
        DataError: a folder or list is missing, a label line is malformed, a list matches no line; from `[i]`,
            the image is missing or unreadable.
    """

    endless = False

    def __init__(
        self,
        root: str | Path,
        split: str | Path | None = None,
        *,
        splits: str | Path | None = None,
        only_ok: bool = False,
        normalize: bool = True,
        name: str = "iam",
        on_problem: Callable[[DataError], None] = warn,
    ) -> None:
        self.root = Path(root)
        self.name = name
        lines = (
            _read_xml(self.root / "xml", on_problem)
            if (self.root / "xml").is_dir()
            else _read_ascii(self.root)
        )
        if split is not None:
            lines = _select(lines, _split_files(self.root, split, splits))
        self.lines = [line for line in lines if line.ok or not only_ok]
        if not self.lines:
            raise DataError(f"{self.root}: no lines in split {split!r}")
        for line in self.lines:
            line.text = normalize_text(line.text) if normalize else line.text

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> LineSample:
        line = self.lines[index]
        if not line.text:
            raise DataError(f"{self.root}: line {line.id!r:.80} has no text")
        return LineSample(
            image=load_line(self._file(line), name=f"{self.root}: line {line.id!r:.80}"),
            text=line.text,
            id=line.id,
            document=line.form,
            source=self.name,
            language="en",
            writer=line.writer,
            kind="handwritten",
        )

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height from the images' headers; NaN where one cannot be read."""
        return np.array([image_aspect(self._file(line)) for line in self.lines], np.float64)

    def _file(self, line: _Line) -> Path:
        nested = self.root / "lines" / line.form.split("-")[0] / line.form / f"{line.id}.png"
        flat = self.root / "lines" / f"{line.id}.png"
        # os.path, whose tests are False rather than an error for names too long.
        return flat if not os.path.isfile(nested) and os.path.isfile(flat) else nested


def _read_xml(folder: Path, on_problem: Callable[[DataError], None]) -> list[_Line]:
    lines = []
    files = sorted(folder.glob("*.xml"))
    if not files:
        raise DataError(f"{folder}: no XML files")
    problems: list[DataError] = []
    for file in files:
        try:
            lines += _read_form(file)
        except DataError as error:
            problems.append(error)
    if len(problems) == len(files):
        raise problems[0]
    for problem in problems:
        on_problem(problem)
    return lines


def _read_form(file: Path) -> list[_Line]:
    lines = []
    form = parse_xml(file, root="form")
    for element in form.iterfind("handwritten-part/line"):
        if element.get("id") is None or element.get("text") is None:
            raise DataError(f"{file}: a <line> without id or text")
        lines.append(
            _Line(
                id=element.get("id"),
                form=form.get("id", file.stem),
                writer=form.get("writer-id", ""),
                # The attribute holds entities of entities: `&amp;quot;` in some files.
                text=html.unescape(element.get("text")),
                ok=element.get("segmentation", "ok") != "err",
            )
        )
    return lines


def _read_ascii(root: Path) -> list[_Line]:
    file = next((f for f in (root / "ascii" / "lines.txt", root / "lines.txt") if f.is_file()), None)
    if file is None:
        raise DataError(f"{root}: neither xml/ nor ascii/lines.txt nor lines.txt")
    writers = _read_writers(file.with_name("forms.txt"))
    lines = []
    for number, row in enumerate(_rows(file), start=1):
        if not row or row.startswith("#"):
            continue
        # id ok|err gray-level components x y w h transcription
        fields = row.split(" ", 8)
        if len(fields) != 9 or fields[1] not in ("ok", "err") or fields[0].count("-") != 2:
            raise DataError(f"{file}:{number}: not a line of IAM: {row[:60]!r}")
        form = fields[0].rsplit("-", 1)[0]
        lines.append(
            _Line(fields[0], form, writers.get(form, ""), _detokenize(fields[8]), ok=fields[1] == "ok")
        )
    return lines


def _read_writers(forms: Path) -> dict[str, str]:
    if not forms.is_file():
        return {}
    rows = [row.split(" ") for row in _rows(forms) if row and not row.startswith("#")]
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _rows(file: Path) -> list[str]:
    try:
        return [row.strip() for row in file.read_text(encoding="utf-8").split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: not a readable list: {error}") from error


def _detokenize(words: str) -> str:
    """Text of `lines.txt`, where `|` separates words and also cuts off punctuation."""
    text = html.unescape(words).replace("|", " ")
    return re.sub(r"(?<=\() | (?=[.,;:!?)])", "", text)


def _split_files(root: Path, split: str | Path, splits: str | Path | None) -> list[Path]:
    if os.path.isfile(split):
        return [Path(split)]
    names = _SPLIT_NAMES.get(str(split), (str(split),))
    folders = [root / folder for folder in _SPLIT_FOLDERS] if splits is None else [Path(splits)]
    for folder in folders:
        found = [folder / (name + suffix) for name in names for suffix in _SPLIT_SUFFIXES]
        found = [file for file in found if os.path.isfile(file)]
        if found:
            # Validation comes as two lists in IAM's own partition; under any other name one list is all.
            parts = [file for file in found if file.stem in ("validationset1", "validationset2")]
            return parts if found[0] in parts else found[:1]
    tried = ", ".join(name + _SPLIT_SUFFIXES[0] for name in names)
    places = ", ".join(str(folder) for folder in folders)
    raise DataError(
        f"{folders[0]}: no list of ids for split {str(split)!r}: looked for {tried} "
        f"(also {', '.join(suffix or 'no suffix' for suffix in _SPLIT_SUFFIXES[1:])}) in {places}"
    )


def _select(lines: list[_Line], files: list[Path]) -> list[_Line]:
    wanted = {row for file in files for row in _rows(file) if row and not row.startswith("#")}
    chosen = [line for line in lines if line.id in wanted or line.form in wanted]
    missing = wanted - {line.id for line in chosen} - {line.form for line in chosen}
    if not chosen:
        raise DataError(f"{files[0]}: none of its {len(wanted)} ids is a line or form of this IAM")
    if missing:
        log.warning("%s: %d ids are not in this IAM, such as %r", files[0], len(missing), min(missing))
    return chosen
