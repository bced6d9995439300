"""Metrics read from CSV logs, and the curves drawn from them."""

import builtins

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from PIL import Image
from torch.utils.data import DataLoader

from ocr.errors import ConfigError, DataError
from ocr.training.curves import LearningCurves, draw_curves
from ocr.training.log import read_log

FIRST = "epoch,step,train/loss,val/cer\n0,24,3.5,\n0,49,2.5,\n0,49,,80.0\n0,74,2.0,\n0,99,1.5,\n0,99,,60.0\n"


def write(folder, **parts):
    for name, text in parts.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "metrics.csv").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("parts", "loss", "cer", "why"),
    [
        (
            {"version_0": FIRST},
            {25: 3.5, 50: 2.5, 75: 2.0, 100: 1.5},
            {50: 80, 100: 60},
            "one part; steps from 1",
        ),
        (
            {"version_0": FIRST, "version_1": "step,train/loss\n74,1.9\n"},
            {25: 3.5, 50: 2.5, 75: 1.9},
            {50: 80},
            "a resumed run repeats what came after its checkpoint",
        ),
        (
            {"version_9": "step,train/loss\n24,4\n", "version_10": "step,train/loss\n49,3\n"},
            {25: 4, 50: 3},
            None,
            "ten parts: by number, not by name",
        ),
        ({"version_0": "step,train/loss\n24,4\n49,3\n7"}, {25: 4, 50: 3}, None, "a row cut off"),
        ({"version_0": ""}, None, None, "nothing logged yet"),
        ({}, None, None, "no log"),
    ],
)
def test_the_parts_of_a_run_are_one_log(parts, loss, cer, why, tmp_path):
    log = read_log(write(tmp_path, **parts))
    assert (log.get("train/loss"), log.get("val/cer")) == (loss, cer), why


def test_a_log_that_is_no_text_is_named(tmp_path):
    write(tmp_path, version_0="")
    (tmp_path / "version_0" / "metrics.csv").write_bytes(b"step,a\n\xff\xfe\n")
    with pytest.raises(DataError, match="version_0/metrics.csv: not readable"):
        read_log(tmp_path)


class Line(L.LightningModule):
    """A weight with a loss that falls and a score that is logged at each validation."""

    def __init__(self):
        super().__init__()
        self.model = torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        loss = self.model(batch).square().mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val/cer", 100.0 / (1 + self.global_step))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def run(folder):
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=4,
        val_check_interval=2,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        # More than the steps of the run: what is left in memory belongs to the picture too.
        logger=CSVLogger(folder, name="csv", flush_logs_every_n_steps=1000),
        callbacks=[LearningCurves(f"{folder}/csv", f"{folder}/curves.png", monitor="val/cer")],
    )
    batches = DataLoader(torch.ones(8, 1))
    trainer.fit(Line(), batches, batches)


def test_a_run_ends_with_a_picture_of_its_curves(tmp_path):
    pytest.importorskip("matplotlib")
    run(tmp_path)
    log = read_log(tmp_path / "csv")
    assert list(log["val/cer"]) == [2, 4] and list(log["train/loss"]) == [1, 2, 3, 4]
    with Image.open(tmp_path / "curves.png") as both:
        assert (np.asarray(both.convert("L")) < 128).any()
        height = both.height
    draw_curves({"val/cer": log["val/cer"]}, tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as one:
        assert one.height == height // 2, "one panel instead of two"
    with pytest.raises(ConfigError, match="curves.txt: cannot be written"):
        draw_curves(log, tmp_path / "curves.txt")


def test_a_run_without_matplotlib_says_so_and_ends_well(tmp_path, monkeypatch, capsys):
    real = builtins.__import__

    def refuse(name, *arguments):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    run(tmp_path)
    assert not (tmp_path / "curves.png").exists()
    assert "curves.png is not drawn: learning curves need Matplotlib" in capsys.readouterr().err
