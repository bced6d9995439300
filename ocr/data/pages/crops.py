"""Random crops of annotated pages with their heat maps: what the detector trains on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from torch.utils.data import Dataset

from ocr.data.mixture import shared_out
from ocr.data.pages.sources import PageSource
from ocr.detection.characters import draw_characters
from ocr.detection.profile import LineProfile
from ocr.detection.targets import DetectionTargets, draw_lines, line_weight
from ocr.errors import ConfigError, DataError
from ocr.geometry import CoordinateMap
from ocr.image.page_augment import PageAugment, texture
from ocr.types import Page, Polygon


@dataclass
class PreparedPage:
    """A page with its lines measured.

    `words`, `unknown`: as in `AnnotatedPage`. `height`: median text height in pixels; 0 on a page without lines.
    """

    image: np.ndarray
    page: Page
    lines: list[LineProfile]
    words: list[list[Polygon]] | None
    unknown: list[Polygon]
    height: float


class PageCrops(Dataset):
    """Random crops of annotated pages with their heat maps.

    Crop i is a pure function of (sources, seed, i): a random place, scale and turn of a random page.

    Args:
        sources: pages by name; None leaves one out.
        weights: chance of each source; 0 or None leaves it out. Without `weights` chances are in proportion to
            the number of pages.
        length: crops per epoch. size: (height, width) of a crop in pixels, multiples of `stride`.
        text_height: minimum, typical and maximum height of a page's median line in crop pixels.
        rotation: largest turn in degrees either way, `far_rotation` for a share `far` of the crops: notes across
            a corner. blank: chance of a place without lines.
        paste: chance that a picture without text covers a part. augment: photometric changes, None for none.
        pages_kept: pages held in memory, each a few MB. repeat: crops in a row that share a drawn page.

    Raises:
        ConfigError: no source is in use, a weight is wrong (see `shared_out`), or `size` does not fit `stride`.
    """

    def __init__(
        self,
        sources: Mapping[str, PageSource | None],
        weights: Mapping[str, float | None] | None = None,
        *,
        length: int,
        size: tuple[int, int],
        stride: int = 4,
        text_height: tuple[float, float, float] = (12.0, 30.0, 60.0),
        rotation: float = 6.0,
        far: float = 0.08,
        far_rotation: float = 50.0,
        blank: float = 0.1,
        paste: float = 0.15,
        augment: PageAugment | None = None,
        pages_kept: int = 128,
        repeat: int = 48,
        seed: int = 0,
    ) -> None:
        if any(side % stride for side in size):
            raise ConfigError(f"size={tuple(size)}: both sides must be multiples of stride={stride}")
        used, self.shares = shared_out(sources, weights)
        self.sources = list(used.values())
        self.length = length
        self.size = (int(size[0]), int(size[1]))
        self.stride = stride
        self.text_height = text_height
        self.rotation = rotation
        self.far, self.far_rotation = far, far_rotation
        self.blank = blank
        self.paste = paste
        self.augment = augment
        self.pages_kept = pages_kept
        self.repeat = repeat
        self.seed = seed
        self._kept: OrderedDict[tuple[int, int], PreparedPage] = OrderedDict()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[np.ndarray, DetectionTargets]:
        """Return crop `index`, uint8 (h, w, 3), and its targets."""
        rng = np.random.default_rng([self.seed, index])
        which = int(rng.choice(len(self.sources), p=self.shares))
        if self.sources[which].endless:
            number = (index // self.repeat) % len(self.sources[which])
        else:
            number = int(rng.integers(len(self.sources[which])))
        return self.crop(self._page(which, number), rng)

    def crop(self, page: PreparedPage, rng: np.random.Generator) -> tuple[np.ndarray, DetectionTargets]:
        """Cut a random crop out of a page and draw its targets."""
        to_crop, scale = self._place(page, rng)
        crop = self._pixels(page.image, to_crop, scale, rng)
        targets = self._targets(page, to_crop, scale)
        if rng.random() < self.paste:
            self._paste(crop, targets, rng)
        if self.augment is not None:
            crop = self.augment(crop, rng)
        return crop, targets

    def _place(self, page: PreparedPage, rng: np.random.Generator) -> tuple[CoordinateMap, float]:
        """Draw where the crop lies: the map from page to crop pixels, and its scale."""
        scale = self._scale(page, rng)
        center = self._center(page, scale, rng)
        limit = self.far_rotation if rng.random() < self.far else self.rotation
        radians = np.deg2rad(rng.uniform(-limit, limit)) * (rng.random() < 0.7)
        cos, sin = scale * np.cos(radians), scale * np.sin(radians)
        turn = np.array([[cos, -sin], [sin, cos]])
        height, width = self.size
        shift = np.array([width / 2, height / 2]) - turn @ center
        return CoordinateMap(np.column_stack([turn, shift]), self.size), scale

    def _scale(self, page: PreparedPage, rng: np.random.Generator) -> float:
        """Draw a scale that brings the page's lines to about the typical height."""
        low, typical, high = self.text_height
        if page.height:
            scale = float(np.clip(typical * np.exp(rng.normal(0, 0.33)), low, high)) / page.height
        else:
            scale = float(rng.uniform(0.5, 1.2))
        return float(np.clip(scale, 0.3, 3.0))

    def _center(self, page: PreparedPage, scale: float, rng: np.random.Generator) -> np.ndarray:
        """Draw the page point (x, y) at the middle of the crop, near a line unless the crop is to be blank."""
        source_height, source_width = page.image.shape[:2]
        height, width = self.size
        if page.lines and rng.random() >= self.blank:
            line = page.lines[int(rng.integers(len(page.lines)))]
            center = line.points[int(rng.integers(len(line.points)))]
            center = center + rng.uniform(-0.4, 0.4, 2) * (width / scale, height / scale)
        else:
            center = rng.uniform(0, 1, 2) * (source_width, source_height)
        # Little of the crop should lie outside the page.
        half = np.array([width, height]) / (2 * scale) * 0.9
        page_size = np.array([source_width, source_height])
        return np.where(half * 2 < page_size, np.clip(center, half, page_size - half), page_size / 2)

    def _pixels(
        self, image: np.ndarray, to_crop: CoordinateMap, scale: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Warp the page image; what lies outside the page is paper or, sometimes, a random color."""
        border = tuple(int(v) for v in rng.integers(0, 256, 3)) if rng.random() < 0.3 else _paper(image)
        if scale < 0.6:
            # Bilinear sampling would skip thin strokes.
            smaller = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            to_crop = CoordinateMap.resize(image.shape[:2], smaller.shape[:2]).inverse.then(to_crop)
            image = smaller
        return to_crop.warp(image, self.size, border=cv2.BORDER_CONSTANT, fill=border)

    def _targets(self, page: PreparedPage, to_crop: CoordinateMap, scale: float) -> DetectionTargets:
        """Draw the heat maps of the page's lines and characters at 1/stride of the crop."""
        cells = (self.size[0] // self.stride, self.size[1] // self.stride)
        lines = [line.mapped(to_crop, scale) for line in page.lines]
        core, extent = draw_lines(lines, cells, self.stride)
        weight = line_weight(
            [to_crop.apply(line.polygon) for line in page.page.lines],
            [to_crop.apply(polygon) for polygon in page.page.ignore],
            cells,
            self.stride,
            complete=page.page.complete,
            ring=0.5 * page.height * scale,
        )
        if page.words is None:
            region, affinity, known = (np.zeros(cells, np.float32) for _ in range(3))
        else:
            words = [[to_crop.apply(quad) for quad in word] for word in page.words]
            region, affinity = draw_characters(words, cells, self.stride)
            unknown = [to_crop.apply(polygon) for polygon in page.unknown]
            known = (weight > 0) & (line_weight([], unknown, cells, self.stride, complete=True, ring=0) > 0)
            known = known.astype(np.float32)
        return DetectionTargets(core, weight, extent, region, affinity, known)

    def _paste(self, crop: np.ndarray, targets: DetectionTargets, rng: np.random.Generator) -> None:
        """Cover a rectangle with a picture, in place: without text, and unknown along its edge."""
        rows, columns = targets.line.shape
        high, wide = int(rng.integers(rows // 8, rows // 2)), int(rng.integers(columns // 8, columns // 2))
        top, left = int(rng.integers(rows - high)), int(rng.integers(columns - wide))
        s = self.stride
        area = (slice(top * s, (top + high) * s), slice(left * s, (left + wide) * s))
        crop[area] = texture(rng, (high * s, wide * s))
        rim = 3
        inner = (slice(top, top + high), slice(left, left + wide))
        outer = (slice(max(0, top - rim), top + high + rim), slice(max(0, left - rim), left + wide + rim))
        for heat in (targets.line, targets.region, targets.affinity):
            heat[inner] = 0
        known = targets.character_weight[inner].copy()
        targets.line_weight[outer] = targets.character_weight[outer] = 0
        targets.line_weight[inner], targets.character_weight[inner] = 1, known

    def _page(self, which: int, number: int) -> PreparedPage:
        key = (which, number)
        if key not in self._kept:
            self._kept[key] = prepare_page(self.sources[which], number)
            while len(self._kept) > self.pages_kept:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def prepare_page(source: PageSource, number: int) -> PreparedPage:
    """Read a page and measure its lines; lines without extent join the ignored areas."""
    annotated = source.annotated(number)
    page, lines = annotated.page, []
    for line in page.lines:
        try:
            lines.append(LineProfile.of(line.polygon, line.baseline))
        except DataError:
            page.ignore.append(line.polygon)
    height = float(np.median([line.height for line in lines])) if lines else 0.0
    return PreparedPage(annotated.image, page, lines, annotated.words, annotated.unknown, height)


def _paper(image: np.ndarray) -> tuple[int, ...]:
    """Return the color of a page's lighter half."""
    sparse = image[::16, ::16].reshape(-1, 3)
    bright = sparse[sparse.sum(axis=1) >= np.median(sparse.sum(axis=1))]
    return tuple(int(value) for value in np.median(bright, axis=0))
