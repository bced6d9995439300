"""What a training run shows of itself while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image, ImageDraw, ImageFont

from ocr.types import LineBatch


class SamplePictures(L.Callback):
    """Draws validation lines with what was read under them, as PNG files and in TensorBoard.

    Args:
        folder: where `STEP.png` is written. lines: lines a picture, spread over the validation batches.
    """

    def __init__(self, folder: str, lines: int = 16) -> None:
        self.folder = Path(folder)
        self.lines = lines
        self._rows: list[np.ndarray] = []

    def on_validation_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: LineBatch, index: int, *_: int
    ) -> None:
        """Keep the first lines of the batch."""
        if trainer.sanity_checking or not outputs or len(self._rows) >= self.lines:
            return
        batches = trainer.num_val_batches[0]
        share = max(1, -(-self.lines // int(batches))) if np.isfinite(batches) else 1
        for row in range(min(share, len(batch))):
            pixels = batch.images.pixels[row, 0, :, : int(batch.images.widths[row])].float().cpu().numpy()
            self._rows.append(_captioned(pixels, batch.samples[row].text, outputs[row].text))

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write the picture."""
        rows, self._rows = self._rows, []
        if not rows or not trainer.is_global_zero:
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


def _captioned(pixels: np.ndarray, truth: str, reading: str) -> np.ndarray:
    """pixels: (h, w) ink in [0, 1]. Returns uint8 (h + 36, max(w, 600)): the line, its label, its reading."""
    h, w = pixels.shape
    canvas = Image.new("L", (max(w, 600), h + 36), 255)
    canvas.paste(Image.fromarray((255 * (1 - pixels.clip(0, 1))).astype(np.uint8)))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(13)
    draw.text((2, h + 2), f"= {truth}", fill=90, font=font)
    draw.text((2, h + 18), f"> {reading}", fill=0, font=font)
    return np.asarray(canvas)
