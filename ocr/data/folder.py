"""A folder of line images with one label file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ocr.data.decode import image_aspect, load_line
from ocr.errors import DataError
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample


class FolderLines:
    """Line images of a folder; labels come one a line as `file<TAB>text`, UTF-8, empty lines ignored.

    Args:
        images: folder that the files are named in. labels: the label file.
        normalize: bring the text to the project's normal form.

    Raises:
        DataError: a label line is malformed (the message names its number), or none of the images exists;
            from `[i]`, the image is missing or unreadable.
    """

    def __init__(
        self,
        images: str | Path,
        labels: str | Path,
        *,
        normalize: bool = True,
        language: str = "",
        kind: str = "",
        name: str | None = None,
    ) -> None:
        self.images, self.labels = Path(images), Path(labels)
        self.name = name or self.images.name
        self.language = language
        self.kind = kind
        self.rows = [
            (number, file, normalize_text(text) if normalize else text)
            for number, file, text in _read_labels(self.labels)
        ]
        for number, _, text in self.rows:
            if not text:
                raise DataError(f"{self.labels}:{number}: empty text")
        if not any((self.images / file).is_file() for _, file, _ in self.rows):
            raise DataError(f"{self.labels}: none of its {len(self.rows)} images is in {self.images}")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> LineSample:
        number, file, text = self.rows[index]
        return LineSample(
            image=load_line(self.images / file, name=f"{self.labels}:{number}: {file}"),
            text=text,
            id=file,
            document=str(Path(file).parent) if len(Path(file).parts) > 1 else file,
            source=self.name,
            language=self.language,
            kind=self.kind,
        )

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height from the files' headers; NaN where one cannot be read."""
        return np.array([image_aspect(self.images / file) for _, file, _ in self.rows], np.float64)


def _read_labels(labels: Path) -> list[tuple[int, str, str]]:
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
        rows.append((number, file.strip(), label))
    if not rows:
        raise DataError(f"{labels}: no labels")
    return rows
