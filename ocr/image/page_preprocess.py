"""Preprocessing of pages for the detector."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch

from ocr.errors import ConfigError, ImageError


def check_page(image: np.ndarray) -> None:
    """Raise ImageError unless `image` is uint8 (h, w, 3) RGB or (h, w) with pixels."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ImageError(f"a page must be uint8 (h, w) or (h, w, 3), got {image.dtype} {image.shape}")
    if image.size == 0:
        raise ImageError(f"a page without pixels: {image.shape}")


MAX_ASPECT = 2.0
"""Ratio of the sides beyond which a picture is a strip, such as a receipt or a panorama, of several pages' length."""


def framed_side(size: tuple[int, int]) -> float:
    """Return the longer side of a page of `size` (height, width), or of the part of a strip that is like a page."""
    return min(max(size), MAX_ASPECT * min(size))


def scale_pixels(image: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Scale a page, uint8 (h, w) or (h, w, 3), to whole pixels; also return the true factors (x, y)."""
    height, width = image.shape[:2]
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if size != (height, width):
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, (size[1], size[0]), interpolation=how)
    return image, np.array([size[1] / width, size[0] / height])


class PagePreprocessor:
    """Preprocessor of pages: to a longer side of `max_side` pixels, small ones enlarged `enlarge` times at most.

    Pictures more than `MAX_ASPECT` times as long as wide are scaled as a part of that shape would be. Text of an
    ordinary page is then about 30 pixels high, which the detector is trained on.
    """

    def __init__(self, *, max_side: int = 1280, enlarge: float = 2.0) -> None:
        if max_side < 32 or enlarge < 1:
            raise ConfigError(f"max_side={max_side}, enlarge={enlarge}: expected at least 32 and 1")
        self.max_side = int(max_side)
        self.enlarge = float(enlarge)

    def scale(self, size: tuple[int, int]) -> float:
        """The factor for a page of `size` (height, width)."""
        return min(self.max_side / framed_side(size), self.enlarge)

    def __call__(self, image: np.ndarray, *, scale: float | None = None) -> tuple[torch.Tensor, np.ndarray]:
        """image: uint8 (h, w, 3) RGB or (h, w) gray; `scale` replaces the automatic factor.

        Returns pixels (1, 3, h', w') float32 in [0, 1], and the true factors (x, y) from page to pixels.

        Raises:
            ImageError: not such an array, or without pixels.
        """
        check_page(image)
        image, factor = scale_pixels(image, self.scale(image.shape[:2]) if scale is None else scale)
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        # A copy: one pixel of a turned page counts as contiguous whatever its strides, which may be negative.
        pixels = torch.from_numpy(image.transpose(2, 0, 1).copy(order="C"))[None].float() / 255
        return pixels, factor

    def config(self) -> dict[str, Any]:
        """Arguments that build this object again."""
        return {
            "_target_": "ocr.image.page_preprocess.PagePreprocessor",
            "max_side": self.max_side,
            "enlarge": self.enlarge,
        }
