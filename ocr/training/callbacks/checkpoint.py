"""Checkpoints that a run goes on from exactly, by steps, by time and by signals."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from ocr.errors import TrainingError
from ocr.training.interruption import SignalFlag
from ocr.training.sharding import local_part


class StepCheckpoint(ModelCheckpoint):
    """Checkpoints with everything needed to go on exactly, and the end of the run by SIGTERM or Ctrl-C.

    Saved is every `every` steps or `minutes` minutes, whichever comes first, at the very end or time limit, and on
    either signal, which then ends the process with status 143 or 130. A signal during validation ends it at once: the
    checkpoint before the validation is the newest.

    Args:
        folder: where `STEP.ckpt` is written. every: steps. minutes: of training. keep: newest checkpoints to keep.
    Raises:
        TrainingError: the disk is full, or the folder cannot be written to.
    """

    def __init__(self, folder: str, *, every: int, minutes: float, keep: int) -> None:
        super().__init__(
            dirpath=folder,
            filename="{step:07d}",
            auto_insert_metric_name=False,
            every_n_train_steps=every,
            save_top_k=-1,
            enable_version_counter=False,
        )
        self.minutes = minutes
        self.keep = keep
        self._signal = SignalFlag()
        self._saved_at = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin to count time, and to handle signals."""
        super().on_train_start(trainer, pl_module)
        self._saved_at = time.monotonic()
        self._signal.install()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save a checkpoint where one is due; end the process where a signal has come."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        stopped = _anywhere(trainer, self._signal.number is not None)
        last = trainer.should_stop or 0 < trainer.max_steps <= trainer.global_step
        late = time.monotonic() - self._saved_at >= 60 * self.minutes
        due = last or stopped or _anywhere(trainer, late)
        if due and self._last_global_step_saved != trainer.global_step:
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
        if stopped:
            self._end(trainer)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """End the process where a signal has come."""
        if self._signal.number is not None and trainer.world_size == 1:
            self._end(trainer)

    def _end(self, trainer: L.Trainer) -> None:
        if trainer.is_global_zero:
            print(
                f"\nstopped at step {trainer.global_step}: resume=auto goes on from {self.dirpath}",
                file=sys.stderr,
            )
        raise SystemExit(128 + (self._signal.number or signal.SIGTERM))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Handle signals no longer."""
        super().on_train_end(trainer, pl_module)
        self._signal.remove()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Handle signals no longer."""
        super().on_exception(trainer, pl_module, exception)
        self._signal.remove()

    def _save_checkpoint(self, trainer: L.Trainer, filepath: str) -> None:
        """Save, unless weights are not finite: the last good checkpoint is worth more. Older ones are removed."""
        self._saved_at = time.monotonic()
        weights = trainer.lightning_module.state_dict().values()
        if _anywhere(trainer, not all(bool(torch.isfinite(local_part(t)).all()) for t in weights)):
            return
        try:
            super()._save_checkpoint(trainer, filepath)
        except OSError as error:
            raise TrainingError(f"{filepath}: cannot be written ({error.strerror})") from error
        if trainer.is_global_zero:
            found = sorted(Path(filepath).parent.glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
            for old in found[: -self.keep]:
                old.unlink(missing_ok=True)


def _anywhere(trainer: L.Trainer, flag: bool) -> bool:
    """Tell whether `flag` is set in any process, so that all of them do the same."""
    if trainer.world_size == 1:
        return flag
    return trainer.strategy.reduce_boolean_decision(flag, all=False)
