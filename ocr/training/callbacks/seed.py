"""Random numbers of a step that depend on nothing before it."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch


class StepSeed(L.Callback):
    """Callback that makes each step's dropout depend on (seed, step) alone, as if a resumed run had never stopped."""

    def __init__(self, *, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the seed of a step."""
        torch.manual_seed(
            self.seed * 1_000_003 + trainer.global_step * trainer.world_size + trainer.global_rank
        )
