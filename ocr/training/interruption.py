"""Reaction of a training run to signals and to steps without a finite loss."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

import lightning as L
import torch

from ocr.errors import TrainingError
from ocr.training.sharding import local_part
from ocr.types import LineBatch

MAX_SKIPPED = 10
"""Steps in a row without finite gradients after which a run has diverged, or its data is damaged."""


class SignalFlag:
    """A note that SIGTERM or Ctrl-C has come, for the loop to end at the next step. A second one ends at once."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._former: dict[int, Any] = {}

    def install(self) -> None:
        """Handle both signals until `remove`; does nothing outside of the main thread, which alone may."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            self._former[number] = signal.signal(number, self._note)

    def remove(self) -> None:
        """Restore the handlers that were there before."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            sys.exit(128 + number)
        self.number = number


class FiniteSteps(L.Callback):
    """Callback that skips steps whose gradients are not finite, and ends the run after ten of them in a row.

    A skipped step changes neither weights nor the state of the optimizer. With half precision on a GPU
    (`16-mixed`) gradients overflow as a matter of course, and PyTorch's scaler skips such steps instead.

    Raises:
        TrainingError: ten in a row; it names their samples.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._in_a_row: list[str] = []
        self._names = ""

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remember the samples of the batch."""
        step = f"step {trainer.global_step}"
        if isinstance(batch, LineBatch):
            step += ": " + ", ".join(sample.id for sample in batch.samples[:4])
        self._names = step

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Take the gradients away unless all are finite."""
        if trainer.precision == "16-mixed":
            return
        # With sharded weights, each process sees its shards alone.
        gradients = [local_part(p.grad) for p in pl_module.parameters() if p.grad is not None]
        sums = [gradient.float().sum() for gradient in gradients]
        finite = not sums or bool(torch.isfinite(torch.stack(sums)).all())
        if trainer.world_size > 1:
            finite = trainer.strategy.reduce_boolean_decision(finite, all=True)
        if finite:
            self._in_a_row.clear()
            return
        for parameter in pl_module.parameters():
            parameter.grad = None
        self.skipped += 1
        self._in_a_row.append(self._names)
        pl_module.log("train/skipped", float(self.skipped))
        if len(self._in_a_row) >= MAX_SKIPPED:
            raise TrainingError(
                f"{MAX_SKIPPED} steps in a row without a finite loss: {'; '.join(self._in_a_row)}"
            )
        if trainer.is_global_zero:
            print(f"skipped, the loss is not finite: {self._names}", file=sys.stderr, flush=True)

    def state_dict(self) -> dict[str, Any]:
        """Return the count, for a checkpoint."""
        return {"skipped": self.skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the count from a checkpoint."""
        self.skipped = state_dict["skipped"]
