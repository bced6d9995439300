"""Validation by several processes: one corpus, whatever each of them met of it."""

from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from ocr.data.lines.collate import LineCollate
from ocr.image.preprocess import LinePreprocessor
from ocr.text.tokenizer import CharTokenizer
from ocr.training.recognition import RecognitionModule
from ocr.types import LineBatch, LineSample
from tests.models.conftest import make_recognizer

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


@pytest.fixture
def one_thread():
    """Forked processes cannot use the thread pool of their parent."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def validate(folder: Path, **options) -> None:
    module = RecognitionModule(
        make_recognizer(),
        ctc_tokenizer=TOKENIZER,
        tokenizer=TOKENIZER,
        augment=None,
        optimizer=None,
        scheduler=None,
    )
    trainer = L.Trainer(
        accelerator="cpu",
        callbacks=[KeepScores(folder)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.validate(module, Lines(), verbose=False)


def test_processes_with_different_sources_agree_on_the_score_of_the_whole(tmp_path, one_thread):
    validate(tmp_path, devices=1)
    strategy = DDPStrategy(process_group_backend="gloo", start_method="fork")
    validate(tmp_path, devices=2, strategy=strategy, use_distributed_sampler=False)
    whole, *each = (torch.load(tmp_path / name) for name in ("1-0.pt", "2-0.pt", "2-1.pt"))
    assert {"val/cer", "val/wer", "val/left/cer", "val/right/cer", "val/both/cer", "val/loss"} == set(whole)
    for scores in each:
        assert scores == pytest.approx(whole)
