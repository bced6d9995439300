"""What short runs of several processes train on, and what they record."""

import csv
from pathlib import Path

import lightning as L
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from ocr.data.lines.collate import LineCollate
from ocr.image.preprocess import LinePreprocessor
from ocr.text.tokenizer import CharTokenizer
from ocr.types import LineBatch, LineSample

STEPS, STOP = 5, 3
"""Steps of a whole run, and of one that is stopped."""

SETTINGS = [
    "model=micro",
    "synth=short_lines",
    # The same for the whole batch whoever trains on which line: nothing is drawn by chance a process.
    "augment=none",
    "task.module.decoder_fraction=1",
    "task.module.token_mask=0",
    "data.val=null",
    "data.num_workers=0",
    "threads=1",
    f"trainer.max_steps={STEPS}",
    "trainer.precision=32",
    "trainer.log_every_n_steps=1",
    "optim.scheduler.warmup_steps=1",
    "callbacks.early_stopping=null",
    "callbacks.pictures=null",
    "callbacks.progress=null",
    "logger.tensorboard=null",
    "+callbacks.norms._target_=tests.helpers.training.FixedNorms",
]

DETECTION = {"line_weight": 1.0, "extent_weight": 1.0, "character_weight": 1.0, "iou": 0.5}
"""Settings of `DetectionModule`."""

TOKENIZER = CharTokenizer("abcdefg ")

SHARES = [{"left": ["abc", "bad"]}, {"both": ["dad", "face"], "right": ["cab", "a"]}]
"""Source and lines of each batch that a process validates on: not one source in common, nor as many batches."""


class Lines(L.LightningDataModule):
    """A process's own share; the whole where there is but one process."""

    def val_dataloader(self) -> DataLoader:
        mine = SHARES if self.trainer.world_size == 1 else [SHARES[self.trainer.global_rank]]
        batches = [batch(source, texts) for share in mine for source, texts in share.items()]
        return DataLoader(batches, batch_size=None)


class KeepScores(L.Callback):
    """Writes what each process believes the scores to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
        torch.save(scores, self.folder / f"{trainer.world_size}-{trainer.global_rank}.pt")


def batch(source: str, texts: list[str]) -> LineBatch:
    rng = np.random.default_rng(len(source))
    images = rng.integers(0, 255, (len(texts), 16, 80), np.uint8)
    lines = [LineSample(image, text, text, "doc", source) for image, text in zip(images, texts, strict=True)]
    return LineCollate(LinePreprocessor(height=16, multiple=16))(lines)


class FixedNorms(L.Callback):
    """Batch normalisation by fixed statistics: in training each process goes by those of its own lines."""

    def on_train_batch_start(self, trainer, pl_module, *_):
        for part in pl_module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()


class StopEarly(L.Callback):
    """Stands for the end of an allotted time."""

    def on_train_batch_end(self, trainer, *_):
        trainer.should_stop = trainer.global_step == STOP


def losses(run: Path) -> dict[int, float]:
    """Training loss by step, of all parts of a run."""
    found = {}
    for file in sorted(run.glob("csv/*/metrics.csv")):
        with file.open() as rows:
            found |= {int(r["step"]): float(r["train/loss"]) for r in csv.DictReader(rows) if r["train/loss"]}
    return found
