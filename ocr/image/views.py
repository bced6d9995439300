"""Views of line images for test-time augmentation: the same line in another width and slant."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ocr.errors import ConfigError
from ocr.types import ImageBatch

_MULTIPLE = 32
"""Pixels; padded widths are a multiple of it, so that few shapes occur."""


@dataclass(frozen=True)
class View:
    """A change of preprocessed lines that keeps their text.

    Args:
        stretch: factor of the width.
        shear: pixels that the bottom of a line is moved to the right per pixel of its height; above 0, writing that
            slants to the right becomes upright.
    Raises:
        ConfigError: a factor outside 0.5 to 3, or a shear outside -1 to 1.
    """

    stretch: float = 1.0
    shear: float = 0.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.stretch <= 3:
            raise ConfigError(f"stretch={self.stretch}: expected 0.5 to 3")
        if not -1 <= self.shear <= 1:
            raise ConfigError(f"shear={self.shear}: expected -1 to 1")

    def __call__(self, images: ImageBatch) -> ImageBatch:
        """Resample a batch, (b, c, h, w), bilinearly to (b, c, h, w'); its padding stays zero."""
        count, _, height, padded = images.pixels.shape
        widths = torch.ceil(images.widths * self.stretch + abs(self.shear) * height).long()
        columns = -(-int(widths.max()) // _MULTIPLE) * _MULTIPLE
        device = images.pixels.device
        x = torch.arange(columns, device=device) + 0.5
        y = torch.arange(height, device=device) + 0.5
        offset = max(0.0, -self.shear) * height
        source = (x - offset - self.shear * y[:, None]) / self.stretch  # (h, w')
        rows = y[:, None].expand(height, columns)
        grid = torch.stack((2 * source / padded - 1, 2 * rows / height - 1), -1)  # (h, w', 2), in [-1, 1]
        grid = grid.expand(count, height, columns, 2)
        pixels = F.grid_sample(
            images.pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
        return ImageBatch(pixels, widths)
