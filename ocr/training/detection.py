"""The training loop of the detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import torch

from ocr.bundle import Bundle
from ocr.data.pages.batches import DetectionBatch
from ocr.image.page_preprocess import PagePreprocessor
from ocr.inference.detector import LineFinder
from ocr.losses.detection import balanced_bce, dice_loss, extent_loss
from ocr.metrics.boxes import DetectionCounts, count_detections
from ocr.models.detector import Detector
from ocr.training.module import TrainingModule
from ocr.types import Page, TextLine


class DetectionModule(TrainingModule):
    """Training of a `Detector` on page crops, validated by the F-score of lines found on whole pages.

    Args:
        preprocess: scales validation pages as inference will.
        optimizer: called with the model. scheduler: called with the optimizer and `total_steps=`; one step a
            batch.
        line_weight, extent_weight, character_weight: of the losses of line cores (cross-entropy with hard
            negatives plus Dice), of their extents, and of region and affinity.
        iou: overlap from which a found line counts.
    """

    def __init__(
        self,
        model: Detector,
        *,
        optimizer: Callable[[torch.nn.Module], torch.optim.Optimizer],
        scheduler: Callable[..., torch.optim.lr_scheduler.LRScheduler],
        preprocess: PagePreprocessor | None = None,
        line_weight: float,
        extent_weight: float,
        character_weight: float,
        iou: float,
    ) -> None:
        super().__init__(model, optimizer=optimizer, scheduler=scheduler)
        self.preprocess = preprocess or PagePreprocessor()
        self.line_weight = line_weight
        self.extent_weight = extent_weight
        self.character_weight = character_weight
        self.iou = iou
        self._counts = DetectionCounts()

    def losses(self, batch: DetectionBatch) -> dict[str, torch.Tensor]:
        """Unweighted losses of a batch by name: `line`, `extent`, `region`, `affinity`."""
        pixels = (batch.images.float() / 255).contiguous(memory_format=torch.channels_last)
        output = self.model(pixels)
        losses = {
            "region": balanced_bce(output.region, batch.region, batch.character_weight, positive=0.3),
            "affinity": balanced_bce(output.affinity, batch.affinity, batch.character_weight, positive=0.3),
        }
        if output.line is not None:
            losses["line"] = balanced_bce(output.line, batch.line, batch.line_weight)
            losses["line"] = losses["line"] + 0.5 * dice_loss(output.line, batch.line, batch.line_weight)
        if output.extent is not None:
            inside = (batch.line > 0.5) & (batch.line_weight > 0)
            losses["extent"] = extent_loss(output.extent, batch.extent, inside)
        return losses

    def training_step(self, batch: DetectionBatch, batch_index: int) -> torch.Tensor:
        """The weighted loss of a batch."""
        weights = {"line": self.line_weight, "extent": self.extent_weight}
        losses = self.losses(batch)
        total = sum(weights.get(name, self.character_weight) * loss for name, loss in losses.items())
        for name, loss in losses.items():
            self.log(f"train/{name}", loss, prog_bar=name == "line")
        self.log("train/loss", total, prog_bar=True)
        return total

    def validation_step(self, batch: tuple[np.ndarray, Page], batch_index: int) -> list[TextLine]:
        """Finds the lines of one page and counts them; returns them."""
        image, page = batch
        lines = self.finder().find(image)
        self._counts += count_detections(
            [line.polygon for line in lines],
            [line.polygon for line in page.lines],
            ignore=page.ignore,
            complete=page.complete,
            iou=self.iou,
        )
        return lines

    def on_validation_epoch_end(self) -> None:
        """Logs `val/f1`, `val/recall` and `val/precision` over the pages of all processes."""
        counts, self._counts = self._summed(self._counts), DetectionCounts()
        self.log("val/f1", counts.f1, prog_bar=True, rank_zero_only=True)
        self.log("val/recall", counts.recall, rank_zero_only=True)
        self.log("val/precision", counts.precision, rank_zero_only=True)

    def _summed(self, counts: DetectionCounts) -> DetectionCounts:
        """Counts of all processes together."""
        if self.trainer.world_size == 1:
            return counts
        mine = torch.tensor([getattr(counts, item.name) for item in fields(counts)], device=self.device)
        everyone = self.all_gather(mine).reshape(-1, len(mine)).sum(0).tolist()
        return DetectionCounts(*everyone)

    def finder(self) -> LineFinder:
        """Inference with the weights as they are now."""
        model = self.whole_model
        bundle = Bundle("detector", "training", model, {}, parts={"preprocess": self.preprocess})
        return LineFinder(bundle, self.device, settings={"with_refiner": model.refiner is not None})
