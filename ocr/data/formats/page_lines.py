"""Lines cut out of annotated pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ocr.data.lines.manifest import expand_paths
from ocr.data.pages.outline import as_baseline
from ocr.errors import DataError, ImageError
from ocr.geometry import min_area_rect, rectify_line
from ocr.geometry.rectify import PAD
from ocr.image.io import IMAGE_SUFFIXES, load_image
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample, Page, TextLine

log = logging.getLogger(__name__)

_CACHED_PAGES = 4


class PageLines:
    """The transcribed lines of annotated pages, each cut from its page image and straightened.

    Outlines are scaled where the image is another size than the annotation says. The image is looked for under
    the name that the annotation gives and under the annotation's own name, beside the annotation, one folder
    up, and in `images`.

    Page images are decoded when a line is asked for and only a few are kept: read lines in order, or convert
    them once with `ocr.data.lines.manifest.write_manifest` before training on them in random order.

    Args:
        paths: annotation files: a path, a glob, or a list of them.
        read: reads one of them, such as `read_page_xml`.
        images: another folder to look for page images in.
        height: of the crops, in pixels. pad: margin above and below, see `ocr.geometry.rectify_line`.
        normalize: bring the text to the project's normal form.

    Raises:
        DataError: no file matches, a file cannot be read, or no line has text; from `[i]`, the page image is
            missing, unreadable or of another shape than the annotation says.
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        read: Callable[[Path], Page],
        *,
        images: str | Path | None = None,
        height: int = 64,
        pad: float = PAD,
        normalize: bool = True,
        language: str = "",
        name: str = "pages",
    ) -> None:
        self.files = expand_paths(paths)
        self.images = None if images is None else Path(images)
        self.height = height
        self.pad = pad
        self.language = language
        self.name = name
        self.pages = [read(file) for file in self.files]
        self.lines: list[tuple[int, TextLine, str]] = []
        for number, page in enumerate(self.pages):
            for line in page.lines:
                text = normalize_text(line.text) if normalize else line.text
                if text:
                    self.lines.append((number, line, text))
        if not self.lines:
            raise DataError(f"{self.files[0]}: no transcribed lines in {len(self.files)} file(s)")
        self._image = lru_cache(maxsize=_CACHED_PAGES)(self._load)

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key != "_image"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._image = lru_cache(maxsize=_CACHED_PAGES)(self._load)

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> LineSample:
        number, line, text = self.lines[index]
        file = self.files[number]
        image, scale = self._image(number)
        polygon = line.polygon * scale
        try:
            crop = rectify_line(
                image, polygon, as_baseline(line.baseline * scale, polygon), height=self.height, pad=self.pad
            )
        except DataError as error:
            raise DataError(f"{file}: line {line.id!r}: {error}") from error
        return LineSample(
            image=crop.image,
            text=text,
            id=f"{file.stem}/{line.id}",
            document=file.stem,
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
        file, page = self.files[number], self.pages[number]
        path = self._find(file, page.source)
        try:
            image = load_image(path)
        except ImageError as error:
            raise DataError(f"{file}: {error}") from error
        scale = np.array([image.shape[1] / page.width, image.shape[0] / page.height], np.float32)
        if abs(scale[0] / scale[1] - 1) > 0.02:
            raise DataError(
                f"{file}: {path.name} is {image.shape[0]} x {image.shape[1]} pixels (height x width), "
                f"the annotation says {page.height} x {page.width}"
            )
        return image, scale

    def _find(self, file: Path, source: str) -> Path:
        # Windows paths and URLs are common in these files: the last part is what counts.
        name = source.replace("\\", "/").rsplit("/", 1)[-1]
        names = [name] if name else []
        names += [file.stem + suffix for suffix in sorted(IMAGE_SUFFIXES)]
        folders = [file.parent, file.parent.parent]
        if self.images is not None:
            folders.insert(0, self.images)
        for candidate in (folder / name for name in names for folder in folders):
            if candidate.is_file():
                return candidate
        raise DataError(
            f"{file}: page image {name or file.stem!r} is not in {', '.join(str(f) for f in folders)}"
        )
