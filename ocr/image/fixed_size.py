"""Preprocessing of lines to a fixed size, for published TrOCR models; other models keep the aspect ratio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from ocr.errors import ConfigError, ImageError
from ocr.types import ImageBatch

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class FixedSizePreprocessor:
    """Resize color lines to one size, whatever their aspect ratio, with unchanged contrast.

    Has the interface of `LinePreprocessor`.

    Args:
        height, width: pixels of every line. filter: `bilinear` or `bicubic` resampling of Pillow.
    Raises:
        ConfigError: a size below 1, or an unknown filter.
    """

    def __init__(self, *, height: int = 384, width: int = 384, filter: str = "bilinear") -> None:
        if height < 1 or width < 1 or filter not in FILTERS:
            raise ConfigError(f"lines of {height} x {width} by {filter!r}: choose from {', '.join(FILTERS)}")
        self.height = height
        self.max_width = width
        self.filter = filter

    def config(self) -> dict[str, Any]:
        """Return a `_target_` dict that rebuilds this preprocessor."""
        return {
            "_target_": "ocr.image.fixed_size.FixedSizePreprocessor",
            "height": self.height,
            "width": self.max_width,
            "filter": self.filter,
        }

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image: uint8 (h, w) gray or (h, w, 3) RGB. Returns uint8 (height, width, 3) RGB.

        Raises ImageError for an image without pixels or of another type.
        """
        shape = image.shape
        if image.dtype != np.uint8 or len(shape) not in (2, 3) or 0 in shape or shape[2:] not in ((), (3,)):
            raise ImageError(f"a line image must be uint8 (h, w) or (h, w, 3), got {image.dtype} {shape}")
        picture = Image.fromarray(image).convert("RGB")
        return np.asarray(picture.resize((self.max_width, self.height), FILTERS[self.filter]))

    def columns(self, height: float, width: float) -> int:
        """Return the number of pixel columns that a crop of (height, width) fills: all of them."""
        return self.max_width

    def max_crop_width(self, height: int) -> int | None:
        """Return None: no crop keeps its aspect ratio, whatever its width."""
        return None

    def batch(self, lines: Sequence[np.ndarray]) -> ImageBatch:
        """lines: outputs of `__call__`. Returns pixels (b, 3, height, width), inverted RGB with ink near 1.

        Raises ImageError for no lines, or for a line of another size.
        """
        size = (self.height, self.max_width, 3)
        wrong = [line.shape for line in lines if line.shape != size]
        if wrong or not lines:
            raise ImageError(f"a batch needs lines of {size}, got {wrong[0] if wrong else 'none'}")
        pixels = torch.from_numpy(np.stack(lines)).permute(0, 3, 1, 2)
        return ImageBatch((255 - pixels).float().div_(255.0), torch.full((len(lines),), self.max_width))
