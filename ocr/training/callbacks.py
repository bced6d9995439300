"""Callbacks of a training run: averaged weights, checkpoints, pictures, the bundle."""

from __future__ import annotations

import signal
import sys
import time
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image, ImageDraw, ImageFont
from torch import nn

from ocr.bundle import Bundle
from ocr.errors import BundleError, TrainingError
from ocr.training.interruption import SignalFlag
from ocr.training.sharding import FullySharded, gathered, local_part, shard
from ocr.types import LineBatch, Page, TextLine


class AveragedWeights(WeightAveraging):
    """Exponential moving average of the weights; validation, checkpoints' `state_dict` and bundles use it.

    The average forgets faster at first, so that it never holds on to the untrained weights: its decay after
    n steps is `min(decay, (1 + n) / (10 + n))`.
    """

    def __init__(self, *, decay: float = 0.998) -> None:
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


class StepCheckpoint(ModelCheckpoint):
    """Saves everything needed to go on exactly, and ends the run by SIGTERM or Ctrl-C.

    Saved is every `every` steps or `minutes` minutes, whichever comes first, at the very end or time limit, and on
    either signal, which then ends the process with status 143 or 130. A signal during validation ends it at once: the
    checkpoint before the validation is the newest.

    Args:
        folder: where `STEP.ckpt` is written. every: steps. minutes: of training. keep: newest checkpoints to keep.
    Raises:
        TrainingError: the disk is full, or the folder cannot be written to.
    """

    def __init__(self, folder: str, *, every: int = 500, minutes: float = 5.0, keep: int = 2) -> None:
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


class StepSeed(L.Callback):
    """Makes each step's dropout depend on (seed, step) alone, for a resumed run to drop as if never stopped."""

    def __init__(self, *, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the seed of a step."""
        torch.manual_seed(
            self.seed * 1_000_003 + trainer.global_step * trainer.world_size + trainer.global_rank
        )


class BundleExport(L.Callback):
    """Writes the bundle whenever validation gets better; without any validation, at the end.

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


class SamplePictures(L.Callback):
    """Draws validation lines with label and reading under them, as PNG files and in TensorBoard.

    Args:
        folder: where `STEP.png` is written. lines: lines a picture, spread over the validation batches.
    """

    def __init__(self, folder: str, *, lines: int = 16) -> None:
        self.folder = Path(folder)
        self.lines = lines
        self._rows: list[np.ndarray] = []

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: LineBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the first lines of the batch."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        batches = trainer.num_val_batches[dataloader_idx]
        share = -(-self.lines // int(batches)) if np.isfinite(batches) else 1
        for row in range(min(share, len(batch), self.lines - len(self._rows))):
            pixels = batch.images.pixels[row, 0, :, : int(batch.images.widths[row])].float().cpu().numpy()
            self._rows.append(_captioned(pixels, batch.samples[row].text, outputs[row].text))

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the picture."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        width = max(row.shape[1] for row in rows)
        sheet = np.concatenate(
            [np.pad(row, ((0, 0), (0, width - row.shape[1])), constant_values=255) for row in rows]
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet).save(self.folder / f"{trainer.global_step:07d}.png")
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("samples", sheet, trainer.global_step, dataformats="HW")


class SamplePages(L.Callback):
    """Draws the lines found on the first validation pages (red) over the true ones (green), as PNG files.

    Args:
        folder: where `STEP-PAGE.png` is written. pages: how many. max_side: longer side of a picture in pixels.
    """

    def __init__(self, folder: str, *, pages: int = 4, max_side: int = 800) -> None:
        self.folder = Path(folder)
        self.pages = pages
        self.max_side = max_side

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: list[TextLine],
        batch: tuple[np.ndarray, Page],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Draw the page if it is one of the first."""
        if trainer.sanity_checking or not trainer.is_global_zero or batch_idx >= self.pages:
            return
        image, page = batch
        factor = min(1.0, self.max_side / max(image.shape[:2]))
        sheet = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        for lines, color in ((page.lines, (0, 140, 0)), (outputs, (220, 0, 0))):
            outlines = [(line.polygon * factor).round().astype(np.int32) for line in lines]
            cv2.polylines(sheet, outlines, isClosed=True, color=color)
        self.folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet).save(self.folder / f"{trainer.global_step:07d}-{batch_idx}.png")
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(
                    f"pages/{batch_idx}", sheet, trainer.global_step, dataformats="HWC"
                )


def _captioned(pixels: np.ndarray, truth: str, reading: str) -> np.ndarray:
    """pixels: (h, w) ink in [0, 1]. Returns uint8 (h + 36, max(w, 600)): the line, its label, its reading."""
    h, w = pixels.shape
    canvas = Image.new("L", (max(w, 600), h + 36), 255)
    canvas.paste(Image.fromarray((255 * (1 - pixels.clip(0, 1))).astype(np.uint8)))
    draw = ImageDraw.Draw(canvas)
    # Pillow's own font has no accents.
    font = ImageFont.truetype(str(files("ocr.synth") / "assets/fonts/fonts/ABeeZee-Regular.ttf"), 13)
    draw.text((2, h + 2), f"= {truth}", fill=90, font=font)
    draw.text((2, h + 18), f"> {reading}", fill=0, font=font)
    return np.asarray(canvas)
