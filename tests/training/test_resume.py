"""A run that was killed goes on with `resume=auto` as if nothing had happened."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import lightning as L
import pytest

from ocr.commands import train

ROOT = Path(__file__).parents[2]
STEPS, SAVED_EVERY, KILLED_AT = 12, 4, 7
SETTINGS = [
    "model=micro",
    "synth=short_lines",
    # Epochs of 5 batches and pools of 2: neither the checkpoint nor the kill falls on a boundary of either.
    "data.train.length=10",
    "data.lines_per_batch=2",
    "data.pool=4",
    "data.val=null",
    "threads=1",
    f"trainer.max_steps={STEPS}",
    "trainer.precision=32",
    "trainer.log_every_n_steps=1",
    "optim.scheduler.warmup_steps=3",
    f"callbacks.checkpoint.every={SAVED_EVERY}",
    "callbacks.early_stopping=null",
    "callbacks.pictures=null",
    "callbacks.progress=null",
    "logger.tensorboard=null",
    "logger.csv.flush_logs_every_n_steps=1",
]


class KillMidway(L.Callback):
    """Stands for a power cut: SIGKILL leaves no time to write anything."""

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)


def losses(run: Path, version: int) -> dict[int, str]:
    """Training loss by step, as it was written."""
    with (run / "csv" / f"version_{version}" / "metrics.csv").open() as file:
        return {int(row["step"]): row["train/loss"] for row in csv.DictReader(file) if row["train/loss"]}


@pytest.mark.parametrize("workers", [1])
def test_a_killed_run_resumes_with_the_same_losses_and_the_same_weights(
    tmp_path, monkeypatch, workers, capsys
):
    settings = [*SETTINGS, f"data.num_workers={workers}"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    kill = "+callbacks.kill._target_=tests.training.test_resume.KillMidway"
    killed = subprocess.run(
        [sys.executable, "train.py", *settings, f"run_dir={cut}", kill],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [path.stem for path in (cut / "checkpoints").iterdir()] == [f"{SAVED_EVERY:07d}"]

    # What a kill in the middle of writing leaves behind is passed over.
    (cut / "checkpoints" / "last.ckpt").write_bytes(b"PK\x03\x04 half a file")
    monkeypatch.chdir(tmp_path)
    assert train.main([*settings, f"run_dir={cut}", "resume=auto"]) == 0
    assert train.main([*settings, f"run_dir={whole}", "resume=auto"]) == 0, (
        "auto starts anew without checkpoint"
    )
    assert f"resume=auto: no checkpoint in {whole}, starting anew" in capsys.readouterr().err
    assert train.main([*settings, f"run_dir={whole}"]) == 2, "a finished bundle is not overwritten"
    assert "holds the bundle of another run" in capsys.readouterr().err

    expected = losses(whole, 0)
    assert sorted(expected) == list(range(STEPS))
    before, after = losses(cut, 0), losses(cut, 1)
    assert sorted(after) == list(range(SAVED_EVERY, STEPS))
    assert expected == before | after
    weights = "bundle/model.safetensors"
    assert (whole / weights).read_bytes() == (cut / weights).read_bytes()


class SignalMidway(L.Callback):
    """Sends the process a signal, as Ctrl-C or a scheduler does."""

    def __init__(self, number):
        self.number = number

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == KILLED_AT:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_after_a_checkpoint(tmp_path, number, status):
    target = "+callbacks.signal._target_=tests.training.test_resume.SignalMidway"
    command = [sys.executable, "train.py", *SETTINGS, "data.num_workers=1", f"run_dir={tmp_path}"]
    command += ["callbacks.checkpoint.every=1000", target, f"+callbacks.signal.number={int(number)}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert f"stopped at step {KILLED_AT + 1}: resume=auto goes on" in ended.stderr
    assert [path.stem for path in (tmp_path / "checkpoints").iterdir()] == [f"{KILLED_AT + 1:07d}"]
