"""Validation by several processes: one corpus, whatever each of them met of it."""

from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy

from ocr.training.recognition import RecognitionModule
from tests.helpers.models import make_recognizer
from tests.helpers.training import TOKENIZER, KeepScores, Lines


def validate(folder: Path, **options) -> None:
    module = RecognitionModule(
        make_recognizer(),
        ctc_tokenizer=TOKENIZER,
        tokenizer=TOKENIZER,
        augment=None,
        optimizer=None,
        scheduler=None,
        label_smoothing=0.1,
        val_decode=["ctc"],
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
