"""Reading of pages: find the lines, straighten them, recognize them, and place their words on the page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ocr.bundle import Bundle
from ocr.detection.rows import join_rows
from ocr.geometry import RectifiedLine, rectify_line
from ocr.geometry.rectify import BASELINE_SHARE
from ocr.image.ink import has_ink
from ocr.image.io import ImageSource, load_image, open_pages
from ocr.image.page_image import ALL_PAGES, PageImage, PageRange
from ocr.inference.detector import LineFinder
from ocr.inference.device import resolve_device
from ocr.inference.margins import read_margins
from ocr.inference.one_line import crop_row, reads_better_whole
from ocr.inference.orientation import quarter_turns, reads_well, turned_back
from ocr.inference.recognizer import LineReader
from ocr.inference.settings import DEFAULTS, DETECTOR, RECOGNIZER, ReaderSettings
from ocr.inference.text_filter import MIN_PAGE_CONFIDENCE, only_text, reading_confidence
from ocr.inference.words import place_words
from ocr.types import Page, TextLine

OTHER_ZOOMS = (0.5, 1.6)
"""Factors on the usual scale at which a page is looked at that reads like no text at all."""

MIN_ZOOM_GAIN = 0.05
"""Gain of confidence from which the lines of another scale are taken."""

NOTHING_FOUND = "no text was found, though the page is not blank"
"""Warning of a page that has ink and no lines."""

MIN_SCRIPT_CHARACTERS = 5
"""Characters from which a line tells of its script; strokes of large letters and initials are read as fewer."""

OTHER_SCRIPT = "the writing seems to be in another script than the recognizer knows: its text is invented"
"""Warning of a page most of which is in another script."""

__all__ = ["DETECTOR", "RECOGNIZER", "CutPage", "Reader", "source_name"]


@dataclass(frozen=True)
class CutPage:
    """A page of `size` (height, width) with the `crops` of its `lines`, which are still to be recognized."""

    size: tuple[int, int]
    lines: list[TextLine]
    crops: list[RectifiedLine]

    @classmethod
    def from_lines(cls, image: np.ndarray, lines: list[TextLine]) -> CutPage:
        """Cut lines out of the uint8 (h, w, 3) RGB pixels of their page. Raises DataError for an empty outline."""
        crops = [rectify_line(image, line.polygon, line.baseline) for line in lines]
        return cls(image.shape[:2], lines, crops)

    @classmethod
    def one_line(cls, image: np.ndarray) -> CutPage:
        """Take a picture, uint8 (h, w, 3) RGB, as a single line that fills it."""
        size = image.shape[:2]
        return cls(size, [_whole(*size)], [RectifiedLine(image, _identity, _identity)])


class Reader:
    """Reader of pages of handwriting: from pixels to text with places.

    Args:
        recognizer: reads line images. detector: finds lines on a page; None takes every image as one line.
        orientation: `auto` reads a page that reads badly in other positions too, and keeps the best: its lines
            then run up, down or upside down on the page as it is given; `keep` takes every page as it is.
        min_confidence: lines read with less are dropped, as no text; 0 keeps all, see `ocr.inference.text_filter`.
            Orientation and confidence are considered for lines that a detector found, not for an image that is one
            line.

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
        orientation: str = DEFAULTS.orientation,
        min_confidence: float = DEFAULTS.min_confidence,
    ) -> None:
        settings = ReaderSettings(orientation=orientation, min_confidence=min_confidence)
        self.recognizer = recognizer
        self.detector = detector
        self.orientation = settings.orientation
        self.min_confidence = settings.min_confidence

    @classmethod
    def from_pretrained(
        cls,
        recognizer: str | Path = DEFAULTS.recognizer,
        detector: str | Path | None = DEFAULTS.detector,
        *,
        device: str = DEFAULTS.device,
        decode: str | None = DEFAULTS.decode,
        batch_size: int = DEFAULTS.batch_size,
        backend: str = DEFAULTS.backend,
        detection: Mapping[str, Any] | None = None,
        orientation: str = DEFAULTS.orientation,
        min_confidence: float = DEFAULTS.min_confidence,
    ) -> Reader:
        """Load bundles by name, by folder, or as `USER/NAME` of the Hugging Face hub (`ocr.bundle.hub`).

        Args:
            detector: None to take every image as a single line.
            device: `auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`.
            decode: `ctc`, `greedy`, `beam` or `rescore`; None for the bundle's default.
            batch_size: lines read at once; they are sorted by width first.
            backend: `torch`; `onnx` or `openvino` run networks that `ocr export onnx` wrote, on the CPU.
            detection: settings that replace those of the detector bundle, as in `{"width": 1280}`; see
                `ocr.detection.settings.DetectionSettings`.
            orientation, min_confidence: as for `Reader`.
        Raises:
            BundleError: a bundle is unknown or broken. ConfigError: an option is unknown or out of range.
        """
        settings = ReaderSettings(
            recognizer=recognizer,
            detector=detector,
            decode=decode,
            device=device,
            batch_size=batch_size,
            backend=backend,
            orientation=orientation,
            min_confidence=min_confidence,
        )
        return cls.from_settings(settings, detection=detection)

    @classmethod
    def from_settings(cls, settings: ReaderSettings, *, detection: Mapping[str, Any] | None = None) -> Reader:
        """Load the bundles that settings name; see `from_pretrained`."""
        device = resolve_device(settings.device)
        recognizer = LineReader(
            Bundle.load(settings.recognizer, kind="recognizer"),
            device=device,
            decode=settings.decode,
            batch_size=settings.batch_size,
            backend=settings.backend,
        )
        detector = None
        if settings.detector is not None:
            bundle = Bundle.load(settings.detector, kind="detector")
            detector = LineFinder(bundle, device, settings=detection, backend=settings.backend)
        return cls(
            recognizer, detector, orientation=settings.orientation, min_confidence=settings.min_confidence
        )

    def changed(self, *, recognizer: LineReader | None = None, orientation: str | None = None) -> Reader:
        """Return a reader with another recognizer or orientation; None leaves what this one has."""
        return Reader(
            recognizer or self.recognizer,
            self.detector,
            orientation=orientation or self.orientation,
            min_confidence=self.min_confidence,
        )

    def read(self, image: ImageSource) -> Page:
        """Read one image, or the first page of a file.

        Args:
            image: a path, the bytes of a file, a file opened for reading bytes, a Pillow image, or uint8 pixels,
                (h, w) gray, (h, w, 3) RGB or (h, w, 4) RGBA. Several of them are for `read_pages`.
        Raises:
            ImageError: it cannot be read as an image.
        """
        return self.read_array(load_image(image), source=source_name(image))

    def read_pages(
        self,
        source: ImageSource | Sequence[ImageSource],
        *,
        pages: PageRange | str | int | Iterable[int] = ALL_PAGES,
        dpi: int | None = None,
    ) -> Iterator[Page]:
        """Read the wanted pages of a file, or of each of a list of files, one at a time.

        Args:
            source: as of `read`, or a list of such.
            pages: numbers from 1, as in `"1-3,7"`, `2` or `[1, 5]`.
            dpi: pixels per inch at which pages of a PDF are drawn; None: see `open_pages`.
        Raises:
            ImageError: on reaching an unreadable page. ConfigError: `pages` or `dpi` are not usable.
        """
        for item in source if isinstance(source, (list, tuple)) else [source]:
            for image in open_pages(item, pages=pages, dpi=dpi):
                yield self.read_page(image, source=source_name(item))

    def read_page(self, image: PageImage, *, source: str = "") -> Page:
        """Read a page of a file; `source` is kept with the result, as are the page's number and resolution."""
        page = self.read_array(image.pixels, source=source, number=image.number)
        page.dpi, page.embedded_text = image.dpi, image.text
        return page

    def read_array(self, image: np.ndarray, *, source: str = "", number: int = 1) -> Page:
        """Read the uint8 (h, w, 3) RGB pixels of a page; `source` and `number` are kept with the result."""
        (page,) = self.read_arrays([image])
        page.source, page.number = source, number
        return page

    def read_arrays(self, images: Sequence[np.ndarray]) -> list[Page]:
        """Read many pages at once, each uint8 (h, w, 3) RGB pixels; the result is that of one after the other.

        The lines of all pages are recognized together, sorted by width, which fills batches better than page by
        page. Orientation and the text filter are decided for each page.

        Raises:
            ImageError: an image without pixels or of another type.
        """
        pages = [self.cut(image) for image in images]
        self.recognize(pages)
        if self.detector is None:
            return [
                _page(page, page.lines, turns=0, warnings=self._mark_scripts(page.lines)) for page in pages
            ]
        pages = [self._or_one_line(image, page) for image, page in zip(images, pages, strict=True)]
        turns = [self._turns(image, page) for image, page in zip(images, pages, strict=True)]
        upright = [
            np.ascontiguousarray(np.rot90(image, count)) for image, count in zip(images, turns, strict=True)
        ]
        turned = [self.cut(image) for image, count in zip(upright, turns, strict=True) if count]
        if turned:
            self.recognize(turned)
        found = iter(turned)
        results = []
        for image, page, count in zip(upright, pages, turns, strict=True):
            lines = self._complete(image, next(found).lines if count else page.lines)
            warnings = self._mark_scripts(lines)
            text = only_text(lines, min_confidence=self.min_confidence)
            if count:
                text = turned_back(text, page.size, count)
            results.append(_page(page, text, turns=count if text else 0, warnings=warnings))
        for image, page in zip(images, results, strict=True):
            if not page.text and not page.warnings and has_ink(image):
                page.warnings.append(NOTHING_FOUND)
        return results

    def cut(self, image: np.ndarray) -> CutPage:
        """Find the lines of the uint8 (h, w, 3) RGB pixels of a page, and cut them out."""
        if self.detector is not None:
            return CutPage.from_lines(image, self.detector.find(image))
        return CutPage.one_line(image)

    def recognize(self, pages: Sequence[CutPage]) -> None:
        """Recognize the lines of pages, all together: set `text`, `confidence` and `words` of each line."""
        hypotheses = iter(self.recognizer.read([crop.image for page in pages for crop in page.crops]))
        for page in pages:
            for line, crop in zip(page.lines, page.crops, strict=True):
                hypothesis = next(hypotheses)
                # Runs of spaces say nothing of the distance between words.
                line.text = " ".join(hypothesis.text.split())
                line.confidence = hypothesis.confidence
                line.script_score = hypothesis.script_score
                line.words = place_words(hypothesis, line.polygon, crop, page_size=page.size)

    def _turns(self, image: np.ndarray, page: CutPage) -> int:
        """Return the quarter turns counter-clockwise that put a recognized page upright."""
        if self.orientation == "keep" or reads_well(page.lines):
            return 0
        return quarter_turns(image, page.lines, find=self.detector.find, read=self.recognizer.read)

    def _or_one_line(self, image: np.ndarray, page: CutPage) -> CutPage:
        """Return a recognized page, or only the line that it shows where it is a crop, read in the better way."""
        row = crop_row(page.lines, page.size)
        if row is None or not (row or has_ink(image)):
            return page
        whole = CutPage.one_line(image)
        self.recognize([whole])
        if reads_better_whole(whole.lines[0], row):
            return whole
        return CutPage(page.size, row, []) if row else page

    def _mark_scripts(self, lines: Sequence[TextLine]) -> list[str]:
        """Mark lines of a page that are in scripts which are not known; returns warnings about the page.

        Lines that turn out to be no text count as well.
        """
        read = [line for line in lines if len(line.text) >= MIN_SCRIPT_CHARACTERS]
        if self.recognizer.script is None or not read:
            return []
        scores = np.array([line.script_score for line in read])
        for line, is_other in zip(read, self.recognizer.script.mark(scores).tolist(), strict=True):
            line.other_script = is_other
        return [OTHER_SCRIPT] if self.recognizer.script.is_other_page(scores) else []

    def _complete(self, image: np.ndarray, lines: list[TextLine]) -> list[TextLine]:
        """Add what looks at other scales and at the margins find on a recognized, upright page."""
        if lines and reading_confidence(lines) < MIN_PAGE_CONFIDENCE:
            for zoom in OTHER_ZOOMS:
                others = self._read_upright(image, zoom)
                if reading_confidence(others) > reading_confidence(lines) + MIN_ZOOM_GAIN:
                    lines = others
        lines = join_rows(lines, image.shape[:2])
        return read_margins(image, lines, read=self._read_upright) if self.min_confidence > 0 else lines

    def _read_upright(self, image: np.ndarray, zoom: float = 1.0) -> list[TextLine]:
        """Find and recognize the lines of an upright picture."""
        page = CutPage.from_lines(image, self.detector.find(image, zoom=zoom))
        self.recognize([page])
        return page.lines


def source_name(image: ImageSource) -> str:
    """Return the file name as text that can be printed and stored, whatever its bytes; empty for pixels."""
    if not isinstance(image, str | os.PathLike):
        return ""
    return os.fsencode(image).decode("utf-8", errors="replace")


def _page(page: CutPage, lines: list[TextLine], *, turns: int, warnings: list[str]) -> Page:
    height, width = page.size
    return Page("", height=height, width=width, lines=lines, rotation=90 * turns, warnings=warnings)


def _whole(height: int, width: int) -> TextLine:
    """Return a line that fills its image."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    level = height * BASELINE_SHARE
    return TextLine(polygon=corners, baseline=np.array([(0, level), (width, level)], dtype=np.float32))


def _identity(points: np.ndarray) -> np.ndarray:
    return np.asarray(points, dtype=np.float32)
