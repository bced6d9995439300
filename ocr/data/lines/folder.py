"""A folder of line images with one label file, or with a text beside each image."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from ocr.data.lines.decode import image_aspect, load_line
from ocr.data.lines.sources import comparable_name, warn
from ocr.errors import DataError
from ocr.image.kinds import IMAGE_SUFFIXES
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample

LABELS = "labels.tsv"
"""The label file that is looked for where none is named."""

_PROCESSED = (".bin", ".nrm", ".dew")
"""Parts of names by which OCRopus and its successors tell binarized, normalized and straightened pictures."""


class FolderLines:
    """Line images of a folder with their labels.

    A label file has one label a line, `file<TAB>text`, UTF-8, empty lines ignored; file names are found whatever
    their case, with `%20` for a space and with either slash. Where none is named and the folder holds no
    `labels.tsv`, the label of `NAME.png` (or another kind of picture, also in subfolders) is the text in
    `NAME.gt.txt` or `NAME.txt` beside it, as that of `NAME.bin.png` and `NAME.nrm.png`, unless there is a
    `NAME.png`; pictures without a text are left out.

    Args:
        images: folder that the files are named in. labels: the label file, looked for in `images` as well.
        normalize: bring the text to the project's normal form.
        on_problem: is told of each label that cannot be used; default a warning.

    Raises:
        DataError: there is no usable label (the message names the file and line of the first), or none of the images
            exists; from `[i]`, the image is missing or unreadable.
    """

    endless = False

    def __init__(
        self,
        images: str | Path,
        labels: str | Path | None = None,
        *,
        normalize: bool = True,
        language: str = "",
        kind: str = "",
        name: str | None = None,
        on_problem: Callable[[DataError], None] = warn,
    ) -> None:
        self.images = Path(images)
        self.name = name or self.images.resolve().name
        self.language = language
        self.kind = kind
        if labels is None and (self.images / LABELS).is_file():
            labels = self.images / LABELS
        elif labels is not None and not os.path.exists(labels) and (self.images / labels).is_file():
            labels = self.images / labels
        problems: list[DataError] = []
        rows = _read_beside(self.images, problems) if labels is None else _read_labels(Path(labels), problems)
        self.rows: list[tuple[str, str, str]] = []
        for where, file, text in rows:
            text = normalize_text(text) if normalize else text
            if text:
                self.rows.append((where, file, text))
            else:
                problems.append(DataError(f"{where}: empty text"))
        if not self.rows:
            raise problems[0]
        self._resolve()
        if not any(os.path.isfile(self.images / file) for _, file, _ in self.rows):
            raise DataError(f"{labels}: none of its {len(self.rows)} images is in {self.images}")
        for problem in problems:
            on_problem(problem)

    def _resolve(self) -> None:
        """Give files the names that they have in the folder, where a label writes them otherwise."""
        if all(os.path.isfile(self.images / file) for _, file, _ in self.rows):
            return
        paths = sorted(path for path in self.images.rglob("*") if path.is_file())
        names = [path.relative_to(self.images).as_posix() for path in paths]
        found = {comparable_name(name): name for name in reversed(names)}
        for number, (where, file, text) in enumerate(self.rows):
            if not os.path.isfile(self.images / file):
                candidates = (found.get(comparable_name(name)) for name in (file, unquote(file)))
                self.rows[number] = where, next(filter(None, candidates), file), text

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> LineSample:
        where, file, text = self.rows[index]
        return LineSample(
            image=load_line(self.images / file, name=f"{where}: {file[:200]}"),
            text=text,
            id=file,
            document=_document(file),
            source=self.name,
            language=self.language,
            kind=self.kind,
        )

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height from the files' headers; NaN where one cannot be read."""
        return np.array([image_aspect(self.images / file) for _, file, _ in self.rows], np.float64)

    def documents(self) -> list[str]:
        """The document of each line: its subfolder, or the file itself."""
        return [_document(file) for _, file, _ in self.rows]


def _document(file: str) -> str:
    return str(Path(file).parent) if len(Path(file).parts) > 1 else file


def _read_beside(folder: Path, problems: list[DataError]) -> list[tuple[str, str, str]]:
    """(where the text is, image file, text) of each picture of a folder that has a text beside it."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    pictures: dict[Path, list[tuple[int, Path]]] = {}
    for image in sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES):
        rank, label = _label_beside(image)
        if label is not None:
            pictures.setdefault(label, []).append((rank, image))
    rows = []
    for label, ranked in pictures.items():
        try:
            text = _read_label(label)
        except DataError as error:
            problems.append(error)
            continue
        best = min(rank for rank, _ in ranked)
        rows += [(image, str(label), text) for rank, image in ranked if rank == best]
    if not pictures:
        raise DataError(
            f"{folder}: no {LABELS}, and no picture with a text beside it (NAME.png, NAME.gt.txt)"
        )
    return [(label, image.relative_to(folder).as_posix(), text) for image, label, text in sorted(rows)]


def _label_beside(image: Path) -> tuple[int, Path | None]:
    """The text beside a picture, and the place of the picture's kind in the order of preference."""
    stems = [(0, image.stem)]
    kind = Path(image.stem).suffix.lower()
    if kind in _PROCESSED:
        stems.append((1 + _PROCESSED.index(kind), Path(image.stem).stem))
    for rank, stem in stems:
        for suffix in (".gt.txt", ".txt"):
            label = image.with_name(stem + suffix)
            if label.is_file():
                return rank, label
    return 0, None


def _read_label(label: Path) -> str:
    try:
        text = label.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise DataError(f"{label}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{label}: not UTF-8") from error
    if "\n" in text:
        raise DataError(f"{label}: expected the text of one line, got {len(text.splitlines())}")
    return text


def _read_labels(labels: Path, problems: list[DataError]) -> list[tuple[str, str, str]]:
    """(where the label is, image file, text) of each line of a label file."""
    try:
        lines = labels.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise DataError(f"{labels}: {error.strerror}") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            problems.append(DataError(f"{labels}:{number}: not UTF-8"))
            continue
        if not text.strip():
            continue
        file, tab, label = text.partition("\t")
        if tab and file.strip() and "\0" not in file:
            rows.append((f"{labels}:{number}", file.strip(), label))
        else:
            problems.append(DataError(f"{labels}:{number}: expected file<TAB>text, got {text[:60]!r}"))
    if not rows and not problems:
        raise DataError(f"{labels}: no labels")
    return rows
