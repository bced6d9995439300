"""The bundle of a run, written whenever validation gets better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn

from ocr.bundle import Bundle
from ocr.errors import BundleError
from ocr.training.callbacks.averaging import AveragedWeights
from ocr.training.sharding import gathered


class BundleExport(L.Callback):
    """Callback that writes the bundle whenever validation gets better; without any validation, at the end.

    Where Lightning's check before training runs over all validation data (`num_sanity_val_steps=-1`), the weights
    that training starts from compete as well, and the end of training says what it was good for.

    Args:
        bundle: its model is a copy that this callback fills with the (averaged) weights of the run.
        folder: where it is written. monitor: metric to go by. mode: `min` or `max`.
    """

    def __init__(self, bundle: Bundle, folder: str | Path, *, monitor: str, mode: str = "min") -> None:
        self.bundle = bundle
        self.folder = Path(folder)
        self.monitor = monitor
        self.sign = 1 if mode == "min" else -1
        self.best: float | None = None
        self.before: float | None = None

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Go on from the bundle on disk where a run resumes: a checkpoint may be older, or newer than a lost one."""
        if trainer.ckpt_path is None:
            return
        self.best, self.bundle.metrics = trainer.strategy.broadcast(self._on_disk())

    def _on_disk(self) -> tuple[float | None, dict[str, Any]]:
        """Return the score and the metrics of the bundle in the folder; None without a whole bundle."""
        try:
            metrics = Bundle.load(self.folder).metrics
        except BundleError:
            return None, {}
        measured = metrics.get("validation")
        score = measured.get(self.monitor.removeprefix("val/")) if isinstance(measured, dict) else None
        return (float(score) if isinstance(score, int | float) else None), metrics

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write if this is the best yet."""
        score = trainer.callback_metrics.get(self.monitor)
        if score is None or not torch.isfinite(score):
            return
        if trainer.sanity_checking:
            if trainer.num_sanity_val_steps != float("inf"):
                return
            self.before = float(score)
        if self.best is None or self.sign * float(score) < self.sign * self.best:
            self.best = float(score)
            self._write(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write if nothing ever was; tell what training was good for."""
        if self.best is None:
            self._write(trainer, pl_module)
        if trainer.is_global_zero:
            # A run whose bundle nobody can read has failed, and must say so.
            Bundle.load(self.folder)
        if self.before is not None and trainer.is_global_zero:
            print(f"\n{self._gain(trainer.global_step)}: {self.folder}")

    def _gain(self, steps: int) -> str:
        """Describe what training was good for."""
        step = self.bundle.metrics["steps"]
        before = f"{self.monitor}: {self.before:.2f} before"
        if step == 0 and steps:
            return f"{before}; nothing improved on it, and the starting weights were kept"
        return f"{before}, {self.best:.2f} after step {step}"

    def state_dict(self) -> dict[str, Any]:
        """Return the best scores, for a checkpoint."""
        return {"best": self.best, "before": self.before, "metrics": self.bundle.metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best scores from a checkpoint."""
        self.best, self.before = state_dict["best"], state_dict.get("before")
        self.bundle.metrics = state_dict.get("metrics", {})

    def _write(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        averages = [callback for callback in trainer.callbacks if isinstance(callback, AveragedWeights)]
        source: nn.Module = averages[0].average.model if averages else module.model
        # Before all but one process leave: shards are gathered from all.
        state = gathered(source.state_dict())
        if not trainer.is_global_zero:
            return
        self.bundle.model.load_state_dict(state)
        measured = {
            # A resumed run compares with the score as it was.
            name.removeprefix("val/"): float(value) if name == self.monitor else round(float(value), 4)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("val/")
        }
        self.bundle.metrics = {"validation": measured, "steps": trainer.global_step}
        self.bundle.save(self.folder)
