"""Exponential moving average of the weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging

from ocr.training.sharding import FullySharded, gathered, shard


class AveragedWeights(WeightAveraging):
    """Exponential moving average of the weights; validation, checkpoints' `state_dict` and bundles use it.

    The average forgets faster at first, so that it never holds on to the untrained weights: its decay after
    n steps is `min(decay, (1 + n) / (10 + n))`.
    """

    def __init__(self, *, decay: float) -> None:
        super().__init__(use_buffers=True, multi_avg_fn=partial(_warm_average, decay))

    @property
    def average(self) -> L.LightningModule:
        """The module with averaged weights, outside of validation."""
        return self._average_model.module

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Split the average as the model has been; checkpoints are read before."""
        if isinstance(trainer.strategy, FullySharded):
            shard(self.average.model, trainer.strategy.mesh)

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the average whole."""
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        checkpoint["state_dict"] = gathered(checkpoint["state_dict"])


def _warm_average(
    decay: float, averages: list[torch.Tensor], currents: list[torch.Tensor], count: torch.Tensor
) -> None:
    """Move `averages` of one type towards `currents`, in place; counters are taken as they are.

    One by one, as tensors that are split over processes and whole ones do not share a call.
    """
    weight = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
    for average, current in zip(averages, currents, strict=True):
        if average.is_floating_point():
            average.lerp_(current, weight)
        else:
            average.copy_(current)
