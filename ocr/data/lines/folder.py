"""A folder of line images with one label file, or with a text beside each image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ocr.data.lines.decode import image_aspect, load_line
from ocr.errors import DataError
from ocr.image.io import IMAGE_SUFFIXES
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample

LABELS = "labels.tsv"
"""The label file that is looked for where none is named."""


class FolderLines:
    """Line images of a folder with their labels.

    A label file has one label a line, `file<TAB>text`, UTF-8, empty lines ignored. Where none is named and the
    folder holds no `labels.tsv`, the label of `NAME.png` (or another kind of picture, also in subfolders) is the
    text in `NAME.gt.txt` or `NAME.txt` beside it; pictures without a text, or with an empty one, are left out.

    Args:
        images: folder that the files are named in. labels: the label file.
        normalize: bring the text to the project's normal form.

    Raises:
        DataError: a label is malformed (the message names its file and line), or none of the images exists;
            from `[i]`, the image is missing or unreadable.
    """

    def __init__(
        self,
        images: str | Path,
        labels: str | Path | None = None,
        *,
        normalize: bool = True,
        language: str = "",
        kind: str = "",
        name: str | None = None,
    ) -> None:
        self.images = Path(images)
        self.name = name or self.images.resolve().name
        self.language = language
        self.kind = kind
        if labels is None and (self.images / LABELS).is_file():
            labels = self.images / LABELS
        rows = _read_beside(self.images) if labels is None else _read_labels(Path(labels))
        self.rows = [(where, file, normalize_text(text) if normalize else text) for where, file, text in rows]
        for where, _, text in self.rows:
            if not text:
                raise DataError(f"{where}: empty text")
        if not any((self.images / file).is_file() for _, file, _ in self.rows):
            raise DataError(f"{labels}: none of its {len(self.rows)} images is in {self.images}")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> LineSample:
        where, file, text = self.rows[index]
        return LineSample(
            image=load_line(self.images / file, name=f"{where}: {file}"),
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


def _read_beside(folder: Path) -> list[tuple[str, str, str]]:
    """(where the text is, image file, text) of each picture of a folder that has a text beside it."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    rows = []
    for image in sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES):
        beside = (image.with_suffix(suffix) for suffix in (".gt.txt", ".txt"))
        label = next((path for path in beside if path.is_file()), None)
        if label is None:
            continue
        try:
            text = label.read_text(encoding="utf-8-sig").strip()
        except OSError as error:
            raise DataError(f"{label}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{label}: not UTF-8") from error
        if "\n" in text:
            raise DataError(f"{label}: expected the text of one line, got {len(text.splitlines())}")
        if text:
            rows.append((str(label), image.relative_to(folder).as_posix(), text))
    if not rows:
        raise DataError(
            f"{folder}: no {LABELS}, and no picture with a text beside it (NAME.png, NAME.gt.txt)"
        )
    return rows


def _read_labels(labels: Path) -> list[tuple[str, str, str]]:
    try:
        lines = labels.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise DataError(f"{labels}: {error.strerror}") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise DataError(f"{labels}:{number}: not UTF-8") from error
        if not text.strip():
            continue
        file, tab, label = text.partition("\t")
        if not tab or not file.strip():
            raise DataError(f"{labels}:{number}: expected file<TAB>text, got {text[:60]!r}")
        rows.append((f"{labels}:{number}", file.strip(), label))
    if not rows:
        raise DataError(f"{labels}: no labels")
    return rows
