"""From page pixels to what the detector takes."""

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


class PagePreprocessor:
    """Scales a page so that its longer side has `max_side` pixels; small pages are enlarged `enlarge` times at most.

    Text of an ordinary page is then about 30 pixels high, which the detector is trained on.
    """

    def __init__(self, *, max_side: int = 1280, enlarge: float = 2.0) -> None:
        if max_side < 32 or enlarge < 1:
            raise ConfigError(f"max_side={max_side}, enlarge={enlarge}: expected at least 32 and 1")
        self.max_side = int(max_side)
        self.enlarge = float(enlarge)

    def scale(self, size: tuple[int, int]) -> float:
        """The factor for a page of `size` (height, width)."""
        return min(self.max_side / max(size), self.enlarge)

    def __call__(self, image: np.ndarray, *, scale: float | None = None) -> tuple[torch.Tensor, np.ndarray]:
        """image: uint8 (h, w, 3) RGB or (h, w) gray; `scale` replaces the automatic factor.

        Returns pixels (1, 3, h', w') float32 in [0, 1], and the true factors (x, y) from page to pixels.

        Raises:
            ImageError: not such an array, or without pixels.
        """
        check_page(image)
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        height, width = image.shape[:2]
        factor = self.scale((height, width)) if scale is None else scale
        size = max(1, round(height * factor)), max(1, round(width * factor))
        if size != (height, width):
            how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            image = cv2.resize(image, (size[1], size[0]), interpolation=how)
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float() / 255
        return pixels, np.array([size[1] / width, size[0] / height])

    def config(self) -> dict[str, Any]:
        """Arguments that build this object again."""
        return {
            "_target_": "ocr.image.page_preprocess.PagePreprocessor",
            "max_side": self.max_side,
            "enlarge": self.enlarge,
        }
