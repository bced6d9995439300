"""The recipe in miniature: every stage starts from the bundle of the stage before, and its bundle can be measured."""

import json
from pathlib import Path

import pytest

from ocr.bundle import Bundle
from ocr.commands import evaluate, train
from ocr.commands.synth import main as synth

SMALLEST = [
    "debug=mini",
    "model=micro",
    "threads=1",
    "trainer.max_steps=2",
    "trainer.val_check_interval=2",
    "trainer.precision=32",
    "data.lines_per_batch=2",
    "data.pool=4",
    "data.num_workers=0",
    "data.val.length=2",
    "callbacks.progress=null",
    "callbacks.pictures=null",
    "logger.tensorboard=null",
]


def test_stage_after_stage_ends_in_a_bundle_that_can_be_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for stage in (1, 2):
        assert train.main([f"experiment=recognizer_stage{stage}", *SMALLEST]) == 0
    first, second = (Bundle.load(f"runs/mini/recognizer_stage{stage}/bundle") for stage in (1, 2))
    moved = [
        float((a - b).detach().abs().max())
        for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True)
    ]
    # Two steps of AdamW move a weight by twice the learning rate at most; other weights would differ by far more.
    assert 0 < max(moved) < 0.01

    synth(["parquet", "--output", "lines.parquet", "--count", "3"])
    bundle = "bundle=runs/mini/recognizer_stage2/bundle"
    assert evaluate.main([bundle, "data=parquet", "data.path=lines.parquet", "report=report.json"]) == 0
    assert json.loads(Path("report.json").read_text())["lines"] == 3


def test_a_stage_without_the_one_before_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert train.main(["experiment=recognizer_stage2", "debug=mini"]) == 2
    assert "'runs/mini/recognizer_stage1/bundle'" in capsys.readouterr().err


@pytest.mark.parametrize("stage", range(1, 6))
def test_the_page_on_training_has_a_command_for_each_stage(stage):
    page = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    assert f"experiment=recognizer_stage{stage}" in page
