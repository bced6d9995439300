"""Random crops of annotated pages with their heat maps: what the detector trains on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from ocr.detection.targets import (
    DetectionTargets,
    LineProfile,
    draw_characters,
    draw_lines,
    line_weight,
)
from ocr.errors import ConfigError, DataError
from ocr.geometry import CoordinateMap
from ocr.image.page_augment import PageAugment, texture
from ocr.synth.page import PageSynthesizer
from ocr.types import Page, Polygon


class PageSource(Protocol):
    """Pages by number: (image uint8 (h, w, 3) RGB, its annotation)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, Page]: ...


class SyntheticPages:
    """Endless synthetic pages as a source, with the outline of every character.

    Args:
        synthesizer: draws the pages. length: how many count as one pass. seed: page i is the same for a seed.
    """

    def __init__(self, synthesizer: PageSynthesizer, *, length: int = 1_000_000, seed: int = 0) -> None:
        self.synthesizer = synthesizer
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[np.ndarray, Page]:
        return self.annotated(index)[:2]

    def annotated(self, index: int) -> tuple[np.ndarray, Page, list[list[Polygon]], list[Polygon]]:
        """Image, annotation, per word the quads of its characters, and no areas where these are unknown."""
        sample = self.synthesizer.sample(np.random.default_rng([self.seed, index]))
        return sample.image, sample.page, sample.character_polygons, []


@dataclass
class PreparedPage:
    """A page with its lines measured; `words` are None where characters are not annotated, and in the areas
    `unknown` they are not either."""

    image: np.ndarray
    page: Page
    lines: list[LineProfile]
    words: list[list[Polygon]] | None
    unknown: list[Polygon]
    height: float
    """Median text height in pixels; 0 on a page without lines."""


@dataclass
class DetectionBatch:
    """`images` (b, 3, h, w) uint8 RGB, and targets at 1/stride as in `DetectionTargets`, stacked."""

    images: torch.Tensor
    line: torch.Tensor
    line_weight: torch.Tensor
    extent: torch.Tensor
    region: torch.Tensor
    affinity: torch.Tensor
    character_weight: torch.Tensor

    def to(self, device: torch.device | str) -> DetectionBatch:
        return DetectionBatch(
            **{key: value.to(device, non_blocking=True) for key, value in vars(self).items()}
        )

    def __len__(self) -> int:
        return self.images.shape[0]


class PageCrops(Dataset):
    """Crop i is a pure function of (sources, seed, i): a random place, scale and turn of a random page.

    Args:
        sources: pages; those with `annotated` also train the character maps.
        weights: chance of each source; None for its number of pages.
        length: crops an epoch. size: (height, width) of a crop in pixels, multiples of `stride`.
        text_height: low, typical and high height of a page's median line in crop pixels.
        rotation: largest turn in degrees either way, `far_rotation` for a share `far` of the crops: notes across
            a corner. blank: chance of a place without lines.
        paste: chance that a picture without text covers a part. augment: photometric changes, None for none.
        pages_kept: pages held in memory, each a few MB. repeat: crops in a row that share a synthetic page.
    """

    def __init__(
        self,
        sources: Sequence[PageSource],
        *,
        weights: Sequence[float] | None = None,
        length: int = 8000,
        size: tuple[int, int] = (448, 448),
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
        if not sources:
            raise ConfigError("training crops need at least one page source")
        shares = np.array([len(s) for s in sources] if weights is None else list(weights), np.float64)
        if len(shares) != len(sources) or (shares < 0).any() or shares.sum() <= 0:
            raise ConfigError(f"weights={weights}: expected {len(sources)} chances, not all 0")
        if any(side % stride for side in size):
            raise ConfigError(f"size={tuple(size)}: both sides must be multiples of stride={stride}")
        self.sources = list(sources)
        self.shares = shares / shares.sum()
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
        """Crop uint8 (h, w, 3) and its targets."""
        rng = np.random.default_rng([self.seed, index])
        which = int(rng.choice(len(self.sources), p=self.shares))
        if isinstance(self.sources[which], SyntheticPages):
            # Drawing a page costs more than cropping it.
            number = (index // self.repeat) % len(self.sources[which])
        else:
            number = int(rng.integers(len(self.sources[which])))
        return self.crop(self._page(which, number), rng)

    def crop(self, page: PreparedPage, rng: np.random.Generator) -> tuple[np.ndarray, DetectionTargets]:
        """A random crop of a page, and its targets."""
        to_crop, scale = self._place(page, rng)
        height, width = self.size
        cells = (height // self.stride, width // self.stride)
        image = page.image
        if scale < 0.6:
            # Bilinear sampling would skip thin strokes.
            image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            ratio = CoordinateMap.resize(page.image.shape[:2], image.shape[:2])
            pixels = ratio.inverse.then(to_crop)
        else:
            pixels = to_crop
        border = tuple(int(v) for v in rng.integers(0, 256, 3)) if rng.random() < 0.3 else _paper(page.image)
        crop = pixels.warp(image, self.size, border=cv2.BORDER_CONSTANT, fill=border)
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
            region, affinity = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
            known = np.zeros(cells, np.float32)
        else:
            words = [[to_crop.apply(quad) for quad in word] for word in page.words]
            region, affinity = draw_characters(words, cells, self.stride)
            unknown = [to_crop.apply(polygon) for polygon in page.unknown]
            known = (weight > 0) & (line_weight([], unknown, cells, self.stride, complete=True, ring=0) > 0)
            known = known.astype(np.float32)
        targets = DetectionTargets(core, weight, extent, region, affinity, known)
        if rng.random() < self.paste:
            self._paste(crop, targets, rng)
        if self.augment is not None:
            crop = self.augment(crop, rng)
        return crop, targets

    def _place(self, page: PreparedPage, rng: np.random.Generator) -> tuple[CoordinateMap, float]:
        low, typical, high = self.text_height
        if page.height:
            scale = float(np.clip(typical * np.exp(rng.normal(0, 0.33)), low, high)) / page.height
        else:
            scale = float(rng.uniform(0.5, 1.2))
        scale = float(np.clip(scale, 0.3, 3.0))
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
        center = np.where(half * 2 < page_size, np.clip(center, half, page_size - half), page_size / 2)
        limit = self.far_rotation if rng.random() < self.far else self.rotation
        radians = np.deg2rad(rng.uniform(-limit, limit)) * (rng.random() < 0.7)
        cos, sin = scale * np.cos(radians), scale * np.sin(radians)
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = np.array([width / 2, height / 2]) - turn @ center
        return CoordinateMap(np.column_stack([turn, shift]), self.size), scale

    def _paste(self, crop: np.ndarray, targets: DetectionTargets, rng: np.random.Generator) -> None:
        """Cover a rectangle with a picture, in place: no text there, nothing known along its edge."""
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
    words, unknown = None, []
    if hasattr(source, "annotated"):
        image, page, words, unknown = source.annotated(number)
    else:
        image, page = source[number]
    lines = []
    for line in page.lines:
        try:
            lines.append(LineProfile.of(line.polygon, line.baseline))
        except DataError:
            page.ignore.append(line.polygon)
    height = float(np.median([line.height for line in lines])) if lines else 0.0
    return PreparedPage(image, page, lines, words, unknown, height)


def collate_crops(samples: Sequence[tuple[np.ndarray, DetectionTargets]]) -> DetectionBatch:
    """Stack crops of one size."""
    images = torch.from_numpy(np.stack([image for image, _ in samples]).transpose(0, 3, 1, 2).copy())
    maps = {
        key: torch.from_numpy(np.stack([getattr(targets, key) for _, targets in samples]))
        for key in vars(samples[0][1])
    }
    return DetectionBatch(images, **maps)


def _paper(image: np.ndarray) -> tuple[int, ...]:
    """The color of a page's lighter half."""
    sparse = image[::16, ::16].reshape(-1, 3)
    bright = sparse[sparse.sum(axis=1) >= np.median(sparse.sum(axis=1))]
    return tuple(int(value) for value in np.median(bright, axis=0))
