"""Lines cut out of annotated pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ocr.caching import Cache
from ocr.data.formats.annotated import PageAnnotation
from ocr.data.formats.page_images import PageImages
from ocr.data.lines.manifest import expand_paths
from ocr.data.lines.sources import warn
from ocr.data.pages.outline import as_baseline
from ocr.errors import DataError, ImageError
from ocr.geometry import min_area_rect, rectify_line
from ocr.geometry.rectify import PAD
from ocr.image.io import load_page
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample, TextLine

_CACHED_PAGES = 4


class PageLines(ABC):
    """The transcribed lines of annotated pages, each cut from its page image and straightened.

    A subclass reads the pages of one format, and gives its lines a name.

    Outlines are scaled where the image is another size than the annotation says. The image is looked for under
    the name that the annotation gives and under the annotation's own name, beside the annotation, one folder
    up, and in and below `images`; see `PageImages`. Of a PDF or TIFF of many pages, the one with the number that
    the annotation gives is taken.

    Page images are decoded when a line is asked for and only a few are kept: read lines in order, or convert
    them once with `ocr.data.lines.manifest.write_manifest` before training on them in random order.

    Args:
        paths: annotation files: a path, a glob, or a list of them.
        images: another folder to look for page images in.
        height: of the crops, in pixels. pad: margin above and below, see `ocr.geometry.rectify_line`.
        normalize: bring the text to the project's normal form.
        name: shown in messages, and the source of the lines; default that of the format.
        on_problem: is told of each file and line that is left out; default a warning.

    Raises:
        DataError: no file matches, none can be read, or no line has text; from `[i]`, the page image is
            missing, unreadable or of another shape than the annotation says, or it has several pages and the
            annotation does not tell which.
    """

    endless = False
    format_name: ClassVar[str]

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        images: str | Path | None = None,
        height: int = 64,
        pad: float = PAD,
        normalize: bool = True,
        language: str = "",
        name: str | None = None,
        on_problem: Callable[[DataError], None] = warn,
    ) -> None:
        self.files = expand_paths(paths)
        self.images = PageImages(None if images is None else Path(images))
        self.height = height
        self.pad = pad
        self.language = language
        self.name = name or self.format_name
        self.pages: list[PageAnnotation] = []
        self.documents: list[str] = []
        problems = self._read()
        self.lines: list[tuple[int, TextLine, str]] = []
        self.without_text = 0
        """Lines that nobody has transcribed."""
        for number, annotated in enumerate(self.pages):
            for line in annotated.page.lines:
                text = normalize_text(line.text) if normalize else line.text
                if text:
                    self.lines.append((number, line, text))
                else:
                    self.without_text += 1
        if not self.lines:
            reason = f"; left out: {problems[0]}" if problems else ""
            raise DataError(f"{self.files[0]}: no transcribed lines in {len(self.files)} file(s){reason}")
        for problem in problems:
            on_problem(problem)
        self._image = Cache(self._load, _CACHED_PAGES)

    @staticmethod
    @abstractmethod
    def read_pages(path: Path) -> list[PageAnnotation]:
        """Read the pages of an annotation file. Raises DataError where that is not possible."""

    def _read(self) -> list[DataError]:
        """Read all files; one that cannot be read costs itself, unless there is no other. Returns the problems."""
        unreadable: list[DataError] = []
        for file in self.files:
            try:
                pages = self.read_pages(file)
            except DataError as error:
                unreadable.append(error)
                continue
            for annotated in pages:
                number = f".{annotated.page.number}" if len(pages) > 1 else ""
                self.pages.append(annotated)
                self.documents.append(file.stem + number)
        if not self.pages:
            raise unreadable[0]
        return unreadable + [problem for page in self.pages for problem in page.problems]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> LineSample:
        number, line, text = self.lines[index]
        image, scale = self._image(number)
        polygon = line.polygon * scale
        try:
            crop = rectify_line(
                image, polygon, as_baseline(line.baseline * scale, polygon), height=self.height, pad=self.pad
            )
        except DataError as error:
            raise DataError(f"{self.pages[number].file}: line {line.id!r}: {error}") from error
        document = self.documents[number]
        return LineSample(
            image=crop.image,
            text=text,
            id=f"{document}/{line.id}",
            document=document,
            source=self.name,
            language=self.language,
            kind=line.kind,
            polygon=crop.to_crop(polygon),
        )

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height of the lines' outlines."""
        sizes = [min_area_rect(line.polygon).size for _, line, _ in self.lines]
        return np.array([width / max(height, 1.0) for height, width in sizes], np.float64)

    def _load(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The page image, and the factor (x, y) from annotation to image."""
        annotated = self.pages[number]
        file, page = annotated.file, annotated.page
        path = self.images.find(file, page.source)
        try:
            image = load_page(path, number=annotated.image_number).pixels
        except ImageError as error:
            raise DataError(f"{file}: {error}") from error
        scale = np.array([image.shape[1] / page.width, image.shape[0] / page.height], np.float32)
        if abs(scale[0] / scale[1] - 1) > 0.02:
            raise DataError(
                f"{file}: {path.name} is {image.shape[0]} x {image.shape[1]} pixels (height x width), "
                f"the annotation says {page.height} x {page.width}"
            )
        return image, scale
