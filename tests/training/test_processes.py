"""Two processes under torchrun train as one does, and one goes on where two have stopped."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from ocr.commands import train
from tests.helpers.training import SETTINGS, STEPS, STOP, losses

ROOT = Path(__file__).parents[2]


def test_two_processes_and_then_one_train_as_one_does(tmp_path, monkeypatch):
    one, two = tmp_path / "one", tmp_path / "two"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    shared = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    shared += ["data.lines_per_batch=2", "data.pool=2", f"run_dir={two}"]
    stop = "+callbacks.stop._target_=tests.helpers.training.StopEarly"
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
