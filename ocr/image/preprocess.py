"""Preprocessing of line crops, the same in training, inference and export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch

from ocr.errors import ConfigError, ImageError
from ocr.image.contrast import LOW_CONTRAST, contrast_of, cumulative
from ocr.types import ImageBatch

_BACKGROUND_ROWS = 12
"""Rows of the small picture that a line's background is estimated on."""

_MIN_COLOR = 48
"""Distance of ink from paper in RGB that counts as writing: more than the noise of color in photographs."""

_PAPER = 220
"""Gray of the paper where ink is told by its color; noise of the paper stays below white."""

_MIDTONE_CONTRAST = 40
"""Gray levels between light writing and medium ground."""

_STROKE_SHARE = 0.25
"""Height of a line that strokes are thinner than."""


class LinePreprocessor:
    """Gray, fixed height, contrast stretched so that paper is white and ink black.

    Args:
        height: pixels. max_width: wider lines are squeezed to it. min_width: narrower lines get paper added.
        stretch: width of a line as a multiple of the width at its aspect ratio. Above 1, narrow letters cover more
            columns of the encoder; CTC needs about two columns per character.
        min_contrast: gray levels between paper and ink below which contrast is not stretched further, so that
            the noise of a blank crop stays faint.
        multiple: padded batch widths are a multiple of it.
        detect_inverted: turn light writing on dark or medium ground (a blackboard, a negative, brown paper) dark on
            light.
        flatten: divide by the background first: takes away the shading of a photograph. A model reads best
            with the setting that it was trained with.

    Raises:
        ConfigError: sizes that no line fits.
    """

    def __init__(
        self,
        *,
        height: int,
        max_width: int = 1536,
        min_width: int = 16,
        stretch: float = 1.0,
        min_contrast: int = 48,
        multiple: int = 16,
        detect_inverted: bool = True,
        flatten: bool = False,
    ) -> None:
        if height < 8 or not 1 <= min_width <= max_width:
            raise ConfigError(f"line size {height} x {min_width}..{max_width} is not usable")
        if not 0.25 <= stretch <= 4:
            raise ConfigError(f"stretch={stretch}: expected 0.25 to 4")
        if not 1 <= min_contrast <= 255 or multiple < 1:
            raise ConfigError(
                f"min_contrast={min_contrast}, multiple={multiple}: expected 1..255 and at least 1"
            )
        self.height = height
        self.max_width = max_width
        self.min_width = min_width
        self.stretch = stretch
        self.min_contrast = min_contrast
        self.multiple = multiple
        self.detect_inverted = detect_inverted
        self.flatten = flatten

    def config(self) -> dict[str, Any]:
        """Return the `_target_` dict that rebuilds this preprocessor."""
        return {
            "_target_": "ocr.image.preprocess.LinePreprocessor",
            "height": self.height,
            "max_width": self.max_width,
            "min_width": self.min_width,
            "stretch": self.stretch,
            "min_contrast": self.min_contrast,
            "multiple": self.multiple,
            "detect_inverted": self.detect_inverted,
            "flatten": self.flatten,
        }

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image: uint8 (h, w) gray or (h, w, 3) RGB. Returns uint8 (height, width), paper near 255.

        Raises ImageError for an image without pixels or of another type.
        """
        shape = image.shape
        if (
            image.dtype != np.uint8
            or len(shape) not in (2, 3)
            or 0 in shape
            or (len(shape) == 3 and shape[2] != 3)
        ):
            raise ImageError(f"a line image must be uint8 (h, w) or (h, w, 3), got {image.dtype} {shape}")
        gray = self._resize(image if len(shape) == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        if len(shape) == 3 and (contrast := contrast_of(gray)) < LOW_CONTRAST:
            gray = _ink_by_color(self._resize(image), contrast, otherwise=gray)
        gray = self._stretch(gray)
        width = gray.shape[1]
        if width < self.min_width:
            gray = cv2.copyMakeBorder(gray, 0, 0, 0, self.min_width - width, cv2.BORDER_CONSTANT, value=255)
        return gray

    def _resize(self, image: np.ndarray) -> np.ndarray:
        """Scale a crop, (h, w) or (h, w, 3), to the height and width of its line."""
        h, w = image.shape[:2]
        width = self.columns(h, w)
        if h <= self.height and w > width:
            # A low, very wide crop is enlarged one way and shrunk the other, and area averaging only shrinks.
            image = cv2.resize(image, (width, h), interpolation=cv2.INTER_AREA)
        interpolation = cv2.INTER_AREA if h > self.height else cv2.INTER_LINEAR
        return cv2.resize(image, (width, self.height), interpolation=interpolation)

    def columns(self, height: float, width: float) -> int:
        """Pixel columns that a crop of (height, width) fills; a narrow line has paper to the right of them."""
        return min(self.max_width, max(1, round(self.stretch * width * self.height / height)))

    def max_crop_width(self, height: int) -> int | None:
        """Return the width up to which a crop of `height` pixels is not squeezed."""
        return int(self.max_width * height / (self.height * self.stretch))

    def _stretch(self, gray: np.ndarray) -> np.ndarray:
        """Map the paper's gray to 255 and the ink's to 0 through one table."""
        counts = cumulative(gray)
        if self.detect_inverted and (_is_inverted(counts) or _is_light_on_midtone(gray, counts)):
            gray = 255 - gray
            counts = counts[-1] - np.concatenate((counts[-2::-1], [0]))
        if self.flatten:
            gray = _without_shading(gray)
            counts = cumulative(gray)
        ink, paper = np.searchsorted(counts, (0.01 * counts[-1], 0.70 * counts[-1])).tolist()
        span = max(paper - ink, self.min_contrast)
        table = np.clip((np.arange(256) - (paper - span)) * (255.0 / span), 0, 255).astype(np.uint8)
        return cv2.LUT(gray, table)

    def batch(self, lines: Sequence[np.ndarray]) -> ImageBatch:
        """lines: outputs of `__call__`. Returns pixels (b, 1, height, w) with ink near 1 and zero padding.

        Raises ImageError for no lines, or for one that `__call__` did not make.
        """
        wrong = [(line.dtype, line.shape) for line in lines if line.ndim != 2 or line.shape[0] != self.height]
        if wrong or not lines:
            raise ImageError(
                f"a batch needs lines of height {self.height}, got {wrong[0] if wrong else 'none'}"
            )
        widths = [line.shape[1] for line in lines]
        padded = -(-max(widths) // self.multiple) * self.multiple
        pixels = np.full((len(lines), self.height, padded), 255, np.uint8)
        for row, line in zip(pixels, lines, strict=True):
            row[:, : line.shape[1]] = line
        tensor = torch.from_numpy(255 - pixels).unsqueeze(1).float().div_(255.0)
        return ImageBatch(tensor, torch.tensor(widths))


def _is_inverted(counts: np.ndarray) -> bool:
    """Tell whether most of a crop is dark and even, and a small part of it much lighter."""
    darkest, middle, upper, lightest = np.searchsorted(
        counts, np.array((0.01, 0.5, 0.7, 0.99)) * counts[-1]
    ).tolist()
    contrast = lightest - middle
    return (
        middle < 112 and contrast > 80 and contrast > 3 * (middle - darkest) and upper - middle < contrast / 2
    )


def _is_light_on_midtone(gray: np.ndarray, counts: np.ndarray) -> bool:
    """Return True if a crop is even, and what differs from it are thin strokes that are lighter.

    The part of a crop that is paper is larger and more even than the ink, whatever its gray. A patch of light, which
    is no writing, is wider than strokes are.
    """
    darkest, middle, upper, lightest = np.searchsorted(
        counts, np.array((0.01, 0.5, 0.7, 0.99)) * counts[-1]
    ).tolist()
    contrast = lightest - middle
    if contrast < _MIDTONE_CONTRAST or contrast <= 3 * (middle - darkest) or upper - middle >= contrast / 2:
        return False
    return _is_lighter_in_strokes(gray, middle)


def _is_lighter_in_strokes(gray: np.ndarray, paper: int) -> bool:
    """Return True if what differs from the gray of the paper is lighter, and thinner than a quarter of the line."""
    size = max(3, round(_STROKE_SHARE * gray.shape[0]))
    thin = cv2.morphologyEx(gray, cv2.MORPH_TOPHAT, np.ones((size, size), np.uint8))
    lighter = gray.astype(np.int32) - paper
    light, dark = np.maximum(lighter, 0).sum(), np.maximum(-lighter, 0).sum()
    return bool(light > 2 * dark and thin[lighter > 0].sum() > 0.6 * light)


def ink_gray(image: np.ndarray) -> np.ndarray:
    """Convert a line, uint8 (h, w, 3) RGB, to gray (h, w); by color, where the ink is as bright as the paper."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    contrast = contrast_of(gray)
    return gray if contrast >= LOW_CONTRAST else _ink_by_color(image, contrast, otherwise=gray)


def _ink_by_color(image: np.ndarray, contrast: int, *, otherwise: np.ndarray) -> np.ndarray:
    """Return a gray crop that is dark where an RGB crop (h, w, 3) has the color of ink.

    Ink and paper that are equally bright differ along one axis of color, the first principal component. If the
    difference along it is not clearly larger than `contrast`, that of brightness, or is no writing but a stain,
    `otherwise` is returned.
    """
    colors = image.reshape(-1, 3).astype(np.float32)
    colors -= np.median(colors, axis=0)
    _, axes = np.linalg.eigh(colors.T @ colors)
    along = colors @ axes[:, -1]
    low, high = np.percentile(along, (1, 99))
    if high - low < max(_MIN_COLOR, 2 * contrast):
        return otherwise
    # Paper is at zero, and the longer tail is ink.
    ink = along if high > -low else -along
    gray = np.clip(_PAPER - ink, 0, 255).astype(np.uint8).reshape(image.shape[:2])
    return gray if _is_lighter_in_strokes(255 - gray, 255 - _PAPER) else otherwise


def _without_shading(gray: np.ndarray) -> np.ndarray:
    """Divide by the background: what is left of a small picture when everything narrower than a letter is removed."""
    h, w = gray.shape
    size = (max(1, round(w * _BACKGROUND_ROWS / h)), _BACKGROUND_ROWS)
    small = cv2.dilate(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.ones((7, 15), np.uint8))
    small = cv2.blur(small, (31, 11), borderType=cv2.BORDER_REPLICATE)
    background = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    return cv2.divide(gray, background, scale=float(np.median(small)))
