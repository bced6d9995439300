"""Progress of a training run as lines of JSON on standard output, for the server that has started it."""

from __future__ import annotations

import json
from typing import Any

import lightning as L

from ocr.training.callbacks import BundleExport


class JsonProgress(L.Callback):
    """Callback that prints `{"step", "steps", "before", "after"}`: error rates in percent, None until measured."""

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell the step."""
        self._tell(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Tell the error rate."""
        self._tell(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Tell the last step."""
        self._tell(trainer)

    def _tell(self, trainer: L.Trainer) -> None:
        export = next(callback for callback in trainer.callbacks if isinstance(callback, BundleExport))
        steps = trainer.estimated_stepping_batches
        fields = {
            "step": trainer.global_step,
            "steps": int(steps) if steps != float("inf") else 0,
            "before": export.before,
            "after": export.best,
        }
        print(json.dumps({"progress": fields}), flush=True)
