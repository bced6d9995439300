"""Find the text of a page with a detector bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch

from ocr.bundle import Bundle
from ocr.detection.lines import find_lines
from ocr.detection.rows import WORD_GAP, join_rows
from ocr.detection.settings import WORD_MAPS, for_bundle
from ocr.detection.words import find_words, group_words
from ocr.errors import BundleError
from ocr.geometry import CoordinateMap, clip_polygon, line_height, moved_line, reading_order
from ocr.image.ink import CONTRAST, has_ink
from ocr.image.page_preprocess import PagePreprocessor, check_page, framed_side, scale_pixels
from ocr.image.preprocess import ink_gray
from ocr.image.skew import page_skew
from ocr.inference.backends import detector_network
from ocr.inference.device import half_precision
from ocr.inference.looks import (
    TINY_HEIGHT,
    add_large,
    drop_contained,
    replace_small,
    small_regions,
)
from ocr.inference.settings import DEFAULTS
from ocr.inference.tiles import MAX_TILE, tiled_maps
from ocr.models.detector import Detector, DetectorOutput
from ocr.types import TextLine, TextRegion

TEXT_HEIGHT = (17.0, 72.0)
"""Line heights in input pixels, between which the first look at a page is good enough."""

TYPICAL_HEIGHT = 30.0
"""Line height in input pixels that a second look aims at."""

MAX_SIDE = 2560
"""Longest input side of a second look, of a page or of a part of a strip."""

COARSE = 0.25
"""Scale of the look for large writing, as a share of the usual one: about 300 pixels for a page."""

LARGE_HEIGHT = 22.0
"""Height in input pixels from which a line of the coarse look counts; several small lines in one are lower."""

CLOSER = 1.6
"""Magnification of a closer look at small print; tiny lines are brought to `TYPICAL_HEIGHT`."""

MAX_ENLARGED = 2.5
"""Largest scale of a closer look; more shows nothing new."""

MIN_SIDE = 3.0
"""Height and width in page pixels under which nothing can be read."""


class LineFinder:
    """Detector of the lines, or the words, of a page.

    Args:
        bundle: a detector. device: torch device.
        settings: values that replace those of the bundle, by the names of `DetectionSettings`; None leaves a value.
        backend: `torch`, `onnx` or `openvino`, see `ocr.inference.backends`.

    Raises:
        ConfigError: a setting is unknown or out of range. BundleError: the bundle's weights cannot do what is asked.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: torch.device | str = "cpu",
        *,
        settings: Mapping[str, Any] | None = None,
        backend: str = DEFAULTS.backend,
    ) -> None:
        self.settings, self.word_settings = for_bundle(bundle.decoding, settings or {})
        bundle.to(device)
        self.device = torch.device(device)
        self.model: Detector = bundle.model
        if self.settings.with_refiner and self.model.refiner is None:
            raise BundleError(f"bundle {bundle.name!r} has no refiner: set with_refiner=False")
        if not self.settings.with_refiner and not bundle.decoding.get(WORD_MAPS, True):
            raise BundleError(
                f"bundle {bundle.name!r} was trained on lines alone: it needs with_refiner=true"
            )
        self.preprocess: PagePreprocessor = bundle.parts.get("preprocess") or PagePreprocessor()
        self.model = detector_network(bundle, self.device, backend)

    def find(self, image: np.ndarray, *, zoom: float = 1.0) -> list[TextLine]:
        """Lines of a page uint8 (h, w, 3) RGB or (h, w), in reading order, in page pixels.

        A page that lies askew is straightened before, which the result does not show. Strips are seen in tiles; large
        writing is looked for at a coarse scale, small print at a fine one.

        Args:
            zoom: factor on the scale of the first look.

        Raises:
            ImageError: not such an array, or without pixels.
        """
        check_page(image)
        skew = page_skew(image)
        if not skew:
            return self._find(image, zoom)
        level = CoordinateMap.rotate(image.shape[:2], -skew)
        paper = np.median(image[::8, ::8].reshape(-1, *image.shape[2:]), axis=0)
        fill = tuple(np.atleast_1d(paper).tolist())
        lines = self._find(level.warp(image, border=cv2.BORDER_CONSTANT, fill=fill), zoom)
        return _on_page(lines, level.inverse, image.shape[:2])

    def find_words(self, image: np.ndarray) -> list[TextRegion]:
        """Words of a page as rotated rectangles in page pixels, in no particular order."""
        check_page(image)
        output, factor = self._page_maps(image, self._scale(image))
        words = self._words(output)
        for word in words:
            word.polygon = (word.polygon / factor).astype(np.float32)
        return words

    @torch.inference_mode()
    def maps(self, image: np.ndarray, scale: float | None = None) -> tuple[DetectorOutput, np.ndarray]:
        """The model's output for a page, a batch of one on the CPU, and the factors (x, y) from page to input."""
        pixels, factor = self.preprocess(image, scale=scale)
        pixels = pixels.to(self.device).contiguous(memory_format=torch.channels_last)
        with half_precision(self.device):
            output = self.model(pixels)
        return DetectorOutput(
            *(None if value is None else value.float().cpu() for value in vars(output).values())
        ), factor

    def _find(self, image: np.ndarray, zoom: float) -> list[TextLine]:
        """Find the lines of a page whose lines are about horizontal; see `find`."""
        first = self._scale(image) * zoom
        found = self._look(image, first)
        if self.settings.width is None:
            found = self._look_again(image, found, first)
        found = join_rows(drop_contained(found), image.shape[:2], max_gap=WORD_GAP)
        return [found[i] for i in reading_order(found, image.shape[:2])]

    def _look_again(self, image: np.ndarray, found: list[TextLine], first: float) -> list[TextLine]:
        """Complete what was found at the scale `first` by looks at other scales."""
        scale = first
        better = self._better_scale(image, found, first) if found else None
        if better is not None:
            found, scale = self._look(image, better), better
        coarse = first * COARSE
        found = add_large(found, self._look(image, coarse), min_height=LARGE_HEIGHT / coarse)
        if found:
            return self._look_closer(image, found, scale)
        if has_ink(image):
            views = [(_dark_on_light(image), first)]
            views += [(image, other) for other in self._other_scales(image, first)]
            for view, other in views:
                found = self._look(view, other)
                if found:
                    return found
        return []

    def _look_closer(self, image: np.ndarray, found: list[TextLine], scale: float) -> list[TextLine]:
        """Look at places of small print again, such as letterheads, enlarged."""
        for region in small_regions(found, scale, image.shape[:2]):
            height = region.height * scale
            zoom = CLOSER if height >= TINY_HEIGHT else TYPICAL_HEIGHT / height
            part = np.ascontiguousarray(image[region.top : region.bottom, region.left : region.right])
            to_page = CoordinateMap.translate(region.left, region.top)
            closer = [moved_line(line, to_page) for line in self._look(part, min(scale * zoom, MAX_ENLARGED))]
            found = replace_small(found, region, closer)
        return found

    def _other_scales(self, image: np.ndarray, first: float) -> list[float]:
        """Scales at which a page is looked at whose usual ones show nothing: for huge, and for tiny writing."""
        closer = min(MAX_SIDE / framed_side(image.shape[:2]), self.preprocess.enlarge)
        return [first * COARSE / 2, *([closer] if closer > 1.2 * first else [])]

    def _page_maps(self, image: np.ndarray, scale: float) -> tuple[DetectorOutput, np.ndarray]:
        """Compute `maps` for a page of any size and shape."""
        if max(image.shape[:2]) * scale <= MAX_TILE:
            return self.maps(image, scale)
        pixels, factor = scale_pixels(image, scale)
        return tiled_maps(pixels, lambda tile: self.maps(tile, 1.0)[0], stride=self.model.stride), factor

    def _scale(self, image: np.ndarray) -> float:
        """Scale of the first look at a page."""
        if self.settings.width is None:
            return self.preprocess.scale(image.shape[:2])
        return self.settings.width / image.shape[1]

    def _look(self, image: np.ndarray, scale: float) -> list[TextLine]:
        """Find lines at a scale, in page pixels, in no particular order."""
        output, factor = self._page_maps(image, scale)
        if not self.settings.with_refiner:
            lines = group_words(self._words(output))
        else:
            lines = find_lines(
                output.line[0].sigmoid().numpy(),
                None if output.extent is None else output.extent[0].numpy(),
                stride=self.model.stride,
                settings=self.settings,
            )
        return _on_page(lines, CoordinateMap(np.diag([*(1 / factor), 1.0])), image.shape[:2])

    def _words(self, output: DetectorOutput) -> list[TextRegion]:
        return find_words(
            output.region[0].sigmoid().numpy(),
            output.affinity[0].sigmoid().numpy(),
            stride=self.model.stride,
            settings=self.word_settings,
        )

    def _better_scale(self, image: np.ndarray, lines: list[TextLine], first: float) -> float | None:
        """The scale of a second look, None where the first found text of a usual height."""
        typical = float(np.median([line_height(line) for line in lines])) * first
        if TEXT_HEIGHT[0] <= typical <= TEXT_HEIGHT[1]:
            return None
        scale = min(
            first * TYPICAL_HEIGHT / typical, MAX_SIDE / framed_side(image.shape[:2]), self.preprocess.enlarge
        )
        return None if abs(np.log(scale / first)) < 0.1 else float(scale)


def _dark_on_light(image: np.ndarray) -> np.ndarray:
    """Return a page, uint8 (h, w, 3) RGB or (h, w), in gray with dark ink, whatever the colors of ink and ground."""
    gray = image if image.ndim == 2 else ink_gray(image)
    paper = int(np.median(gray))
    if (gray > paper + CONTRAST).mean() > (gray < paper - CONTRAST).mean():
        gray = 255 - gray
    return cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)


def _on_page(lines: list[TextLine], to_page: CoordinateMap, size: tuple[int, int]) -> list[TextLine]:
    """The lines mapped to a page of `size` (height, width) and clipped to it, without those that lie outside."""
    height, width = size
    found = []
    for line in lines:
        polygon = clip_polygon(to_page.apply(line.polygon), height, width)
        # What is left at the rim of a page, or on a page of a few pixels, is not text.
        if len(polygon) < 3 or np.ptp(polygon, axis=0).min() < MIN_SIDE:
            continue
        line.polygon = polygon
        line.baseline = np.clip(to_page.apply(line.baseline), 0, (width, height)).astype(np.float32)
        found.append(line)
    return found
