"""The one preprocessor: from any line crop to what every recogniser, trainer and export sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch

from ocr.errors import ConfigError, ImageError
from ocr.types import ImageBatch


class LinePreprocessor:
    """Grey, fixed height at kept aspect ratio, contrast stretched so that paper is white and ink black.

    Args:
        height: pixels. max_width: wider lines are squeezed to it. min_width: narrower lines get paper added.
        min_contrast: grey levels between paper and ink below which contrast is not stretched further, so that
            the noise of a blank crop stays faint.
        multiple: padded batch widths are a multiple of it.
    """

    def __init__(
        self,
        *,
        height: int = 48,
        max_width: int = 1536,
        min_width: int = 16,
        min_contrast: int = 48,
        multiple: int = 16,
    ) -> None:
        if height < 8 or max_width < min_width:
            raise ConfigError(f"line size {height} x {min_width}..{max_width} is not usable")
        self.height = height
        self.max_width = max_width
        self.min_width = min_width
        self.min_contrast = min_contrast
        self.multiple = multiple

    def config(self) -> dict[str, Any]:
        """`_target_` dict that rebuilds this preprocessor."""
        return {
            "_target_": "ocr.image.preprocess.LinePreprocessor",
            "height": self.height,
            "max_width": self.max_width,
            "min_width": self.min_width,
            "min_contrast": self.min_contrast,
            "multiple": self.multiple,
        }

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image: uint8 (h, w) grey or (h, w, 3) RGB. Returns uint8 (height, width), paper near 255.

        Raises ImageError for an image without pixels or of another type.
        """
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
            raise ImageError(
                f"a line image must be uint8 (h, w) or (h, w, 3), got {image.dtype} {image.shape}"
            )
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        h, w = grey.shape
        width = min(self.max_width, max(1, round(w * self.height / h)))
        shrinking = h > self.height
        interpolation = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
        grey = cv2.resize(grey, (width, self.height), interpolation=interpolation)
        grey = self._stretch(grey)
        if width < self.min_width:
            grey = cv2.copyMakeBorder(grey, 0, 0, 0, self.min_width - width, cv2.BORDER_CONSTANT, value=255)
        return grey

    def _stretch(self, grey: np.ndarray) -> np.ndarray:
        """Map the paper's grey to 255 and the ink's to 0 through one table."""
        counts = np.cumsum(np.bincount(grey.ravel(), minlength=256))
        total = counts[-1]
        ink = int(np.searchsorted(counts, 0.01 * total))
        paper = int(np.searchsorted(counts, 0.70 * total))
        span = max(paper - ink, self.min_contrast)
        table = np.clip((np.arange(256) - (paper - span)) * (255.0 / span), 0, 255).astype(np.uint8)
        return cv2.LUT(grey, table)

    def batch(self, lines: Sequence[np.ndarray]) -> ImageBatch:
        """lines: outputs of `__call__`. Returns pixels (b, 1, height, w) with ink near 1 and zero padding."""
        widths = [line.shape[1] for line in lines]
        padded = -(-max(widths) // self.multiple) * self.multiple
        pixels = np.full((len(lines), self.height, padded), 255, np.uint8)
        for row, line in zip(pixels, lines, strict=True):
            row[:, : line.shape[1]] = line
        tensor = torch.from_numpy(255 - pixels).unsqueeze(1).float().div_(255.0)
        return ImageBatch(tensor, torch.tensor(widths))
