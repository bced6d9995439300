"""Read pages: find the lines, straighten them, read them, and put words back where they were on the page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ocr.bundle import Bundle
from ocr.errors import ConfigError
from ocr.geometry import RectifiedLine, rectify_line
from ocr.geometry.rectify import BASELINE_SHARE
from ocr.image.io import DPI, load_image, open_pages
from ocr.image.page_image import ALL_PAGES, PageImage, PageRange
from ocr.inference.detector import LineFinder
from ocr.inference.device import resolve_device
from ocr.inference.orientation import quarter_turns, reads_well, turn_back
from ocr.inference.recognizer import LineReader
from ocr.inference.text_filter import MIN_CONFIDENCE, only_text
from ocr.inference.words import place_words
from ocr.types import Page, TextLine

RECOGNIZER = "ocr_small_handwritten"

DETECTOR = "image_text_detector_v2"

ORIENTATIONS = ("auto", "keep")


@dataclass(frozen=True)
class DetectorOptions:
    """What may be set about detection; None leaves the bundle's own value. See `LineFinder`."""

    width: int | None = None
    text_threshold: float | None = None
    link_threshold: float | None = None
    low_text: float | None = None
    size_threshold: float | None = None
    with_refiner: bool | None = None


@dataclass(frozen=True)
class CutPage:
    """A page of `size` (height, width) whose `lines` were found and cut out, and are still to be read."""

    size: tuple[int, int]
    lines: list[TextLine]
    crops: list[RectifiedLine]

    @classmethod
    def from_lines(cls, image: np.ndarray, lines: list[TextLine]) -> CutPage:
        """Cut lines out of the uint8 (h, w, 3) RGB pixels of their page. Raises DataError for an empty outline."""
        crops = [rectify_line(image, line.polygon, line.baseline) for line in lines]
        return cls(image.shape[:2], lines, crops)


class Reader:
    """Reads pages of handwriting.

    Args:
        recognizer: reads line images. detector: finds lines on a page; None takes every image as one line.
        orientation: `auto` reads a page that reads badly in other positions too, and keeps the best: its lines
            then run up, down or upside down on the page as it is given; `keep` takes every page as it is.
        min_confidence: lines read with less are dropped, as no text; 0 keeps all, see `ocr.inference.text_filter`.
            Orientation and confidence are asked of lines that a detector found, not of an image that is one line.

    Raises:
        ConfigError: an unknown orientation, a confidence out of range.

    Example:
        >>> page = Reader.from_pretrained().read("letter.jpg")
        >>> print(page.text)
    """

    def __init__(
        self,
        recognizer: LineReader,
        detector: LineFinder | None,
        *,
        orientation: str = "auto",
        min_confidence: float = MIN_CONFIDENCE,
    ) -> None:
        if orientation not in ORIENTATIONS:
            raise ConfigError(f"orientation={orientation}: choose from {', '.join(ORIENTATIONS)}")
        if not 0 <= min_confidence <= 1:
            raise ConfigError(f"min_confidence must lie between 0 and 1, got {min_confidence}")
        self.recognizer = recognizer
        self.detector = detector
        self.orientation = orientation
        self.min_confidence = min_confidence

    @classmethod
    def from_pretrained(
        cls,
        recognizer: str | Path = RECOGNIZER,
        detector: str | Path | None = DETECTOR,
        *,
        device: str = "auto",
        decode: str | None = None,
        batch_size: int = 16,
        detection: DetectorOptions | None = None,
        orientation: str = "auto",
        min_confidence: float = MIN_CONFIDENCE,
    ) -> Reader:
        """Load bundles by name or folder.

        Args:
            detector: None to take every image as a single line.
            device: `auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`.
            decode: `ctc`, `greedy`, `beam` or `rescore`; None for the bundle's default.
            batch_size: lines read at once; they are sorted by width first.
            orientation, min_confidence: as for `Reader`.
        Raises:
            BundleError: a bundle is unknown or broken. ConfigError: an option is out of range.
        """
        where = resolve_device(device)
        if batch_size < 1:
            raise ConfigError(f"batch_size must be at least 1, got {batch_size}")
        reader = LineReader(
            Bundle.load(recognizer, kind="recognizer"), device=where, decode=decode, batch_size=batch_size
        )
        finder = None
        if detector is not None:
            chosen = {
                key: value for key, value in vars(detection or DetectorOptions()).items() if value is not None
            }
            finder = LineFinder(Bundle.load(detector, kind="detector"), device=where, **chosen)
        return cls(reader, finder, orientation=orientation, min_confidence=min_confidence)

    def read(self, image: str | Path | bytes | np.ndarray) -> Page:
        """Read one image, or the first page of a file.

        Args:
            image: a file, its bytes, or uint8 pixels, (h, w) grey or (h, w, 3) RGB.
        Raises:
            ImageError: it cannot be read as an image.
        """
        return self.read_array(load_image(image), source=source_name(image))

    def read_pages(
        self, path: str | Path | bytes, *, pages: PageRange = ALL_PAGES, dpi: int = DPI
    ) -> Iterator[Page]:
        """Read the wanted pages of a file, one at a time; a PDF's are drawn at `dpi` pixels an inch.

        Raises ImageError on reaching an unreadable page.
        """
        for image in open_pages(path, pages=pages, dpi=dpi):
            yield self.read_page(image, source=source_name(path))

    def read_page(self, image: PageImage, *, source: str = "") -> Page:
        """Read a page of a file; `source` is kept with the result, as are the page's number and resolution."""
        page = self.read_array(image.pixels, source=source, number=image.number)
        page.dpi, page.embedded_text = image.dpi, image.text
        return page

    def read_array(self, image: np.ndarray, *, source: str = "", number: int = 1) -> Page:
        """Read the uint8 (h, w, 3) RGB pixels of a page; `source` and `number` are kept with the result."""
        page = self.cut(image)
        self.recognize([page])
        lines, turns = page.lines, 0
        if self.detector is not None:
            if self.orientation == "auto" and not reads_well(lines):
                turns = quarter_turns(image, lines, find=self.detector.find, read=self.recognizer.read)
            if turns:
                lines = self._read_turned(image, turns)
            lines = only_text(lines, min_confidence=self.min_confidence)
        height, width = page.size
        return Page(
            source=source, height=height, width=width, lines=lines, number=number, rotation=90 * turns
        )

    def cut(self, image: np.ndarray) -> CutPage:
        """Find the lines of the uint8 (h, w, 3) RGB pixels of a page."""
        if self.detector is not None:
            return CutPage.from_lines(image, self.detector.find(image))
        size = image.shape[:2]
        return CutPage(size, [_whole(*size)], [RectifiedLine(image, _identity, _identity)])

    def recognize(self, pages: Sequence[CutPage]) -> None:
        """Read the lines of pages, all together: sets `text`, `confidence` and `words` of each line.

        Many pages at once fill batches better than one after the other; what is read is the same.
        """
        hypotheses = iter(self.recognizer.read([crop.image for page in pages for crop in page.crops]))
        for page in pages:
            for line, crop in zip(page.lines, page.crops, strict=True):
                hypothesis = next(hypotheses)
                line.text, line.confidence = hypothesis.text, hypothesis.confidence
                line.words = place_words(hypothesis, line.polygon, crop, page_size=page.size)

    def _read_turned(self, image: np.ndarray, turns: int) -> list[TextLine]:
        """The lines of a page after quarter turns counter-clockwise, at their places on the page as it is."""
        page = self.cut(np.ascontiguousarray(np.rot90(image, turns)))
        self.recognize([page])
        turn_back(page.lines, image.shape[:2], turns)
        return page.lines


def source_name(image: str | Path | bytes | np.ndarray) -> str:
    """The file name as text that can be printed and stored, whatever bytes it is made of; empty for pixels."""
    if not isinstance(image, str | os.PathLike):
        return ""
    return os.fsencode(image).decode("utf-8", errors="replace")


def _whole(height: int, width: int) -> TextLine:
    """A line that fills its image."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    level = height * BASELINE_SHARE
    return TextLine(polygon=corners, baseline=np.array([(0, level), (width, level)], dtype=np.float32))


def _identity(points: np.ndarray) -> np.ndarray:
    return np.asarray(points, dtype=np.float32)
