"""Two processes under torchrun train as one does, and one goes on where two have stopped."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import lightning as L
import pytest
from safetensors.numpy import load_file
from torch import nn

from ocr.commands import train

ROOT = Path(__file__).parents[2]
STEPS, STOP = 5, 3
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
    "+callbacks.norms._target_=tests.training.test_processes.FixedNorms",
]


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


def test_two_processes_and_then_one_train_as_one_does(tmp_path, monkeypatch):
    one, two = tmp_path / "one", tmp_path / "two"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    shared = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    shared += ["data.lines_per_batch=2", "data.pool=2", f"run_dir={two}"]
    stop = "+callbacks.stop._target_=tests.training.test_processes.StopEarly"
    run = subprocess.run(
        [*torchrun, "train.py", *shared, *SETTINGS, stop],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert sorted(losses(two)) == list(range(STOP))
    monkeypatch.chdir(tmp_path)
    alone = ["data.lines_per_batch=4", "data.pool=4"]
    assert train.main([*SETTINGS, *alone, f"run_dir={one}"]) == 0
    assert train.main([*SETTINGS, *alone, f"run_dir={two}", "resume=auto"]) == 0
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    assert sorted(losses(two)) == list(range(STEPS))
    ours, theirs = (load_file(run / "bundle/model.safetensors") for run in (two, one))
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name] == pytest.approx(theirs[name], abs=2e-3), name
    descriptions = [
        # Sums in another order give other digits, and other digits another checksum.
        json.loads((run / "bundle/bundle.json").read_text().replace("two", "one")) | {"weights_sha256": ""}
        for run in (two, one)
    ]
    assert descriptions[0] == descriptions[1]
