"""Pictures of what validation reads and finds."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image, ImageDraw, ImageFont

from ocr.types import LineBatch, Page, TextLine


class SamplePictures(L.Callback):
    """Pictures of validation lines with label and reading under them, as PNG files and in TensorBoard.

    Args:
        folder: where `STEP.png` is written. lines: lines a picture, spread over the validation batches.
    """

    def __init__(self, folder: str, *, lines: int) -> None:
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
    """Pictures of the lines found on the first validation pages (red) over the true ones (green), as PNG files.

    Args:
        folder: where `STEP-PAGE.png` is written. pages: how many. max_side: longer side of a picture in pixels.
    """

    def __init__(self, folder: str, *, pages: int, max_side: int = 800) -> None:
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
