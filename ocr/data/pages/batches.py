"""Batches of page crops with their heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ocr.detection.targets import DetectionTargets


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
        """Copy the batch to a device."""
        return DetectionBatch(
            **{key: value.to(device, non_blocking=True) for key, value in vars(self).items()}
        )

    def __len__(self) -> int:
        return self.images.shape[0]


def collate_crops(samples: Sequence[tuple[np.ndarray, DetectionTargets]]) -> DetectionBatch:
    """Stack crops of one size."""
    images = torch.from_numpy(np.stack([image for image, _ in samples]).transpose(0, 3, 1, 2).copy())
    maps = {
        key: torch.from_numpy(np.stack([getattr(targets, key) for _, targets in samples]))
        for key in vars(samples[0][1])
    }
    return DetectionBatch(images, **maps)
