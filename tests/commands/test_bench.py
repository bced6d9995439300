import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from ocr.commands import main


@pytest.mark.slow
def test_lines_and_a_page_are_measured_by_decoding(tmp_path, capsys):
    report = tmp_path / "speed.json"
    arguments = [
        "--lines",
        "examples/line.png",
        "--pages",
        "examples/letter.jpg",
        "examples/line.png",
        "--decode",
        "ctc",
        "ctc_beam",
    ]
    assert main(["bench", *arguments, "--repeat", "1", "--no-start", "--json", str(report)]) == 0
    rows = json.loads(report.read_text())["tasks"]
    groups = [row["group"] for row in rows]
    assert groups == ["lines", "lines", "decode files", "find lines", "pages", "pages"]
    assert all(row["per_second"] > 0 and row["per_cpu_second"] > 0 for row in rows)
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--lines or --pages"),  # nothing to read
        (["--pages", "there/is/none.jpg"], "no such file"),
        (["--lines", "examples/line.png", "--decode", "fastest"], "unknown decode"),
        (["--lines", "examples/line.png", "--engine", "trocr"], "trocr"),  # without a model
        (["--lines", "examples/line.png", "--engine", "abbyy"], "choose from ours, rapidocr"),
        (["--lines", "examples/line.png", "--engine", "trocr-small:steps=few"], "expected numbers"),
        (["--lines", "examples/line.png", "--engine", "trocr-small:steps"], "not KEY=VALUE"),
        (["--lines", "examples/line.png", "--engine", "tesseract:size=9"], "'size'"),
        pytest.param(
            ["--lines", "examples/line.png", "--engine", "rapidocr:recognizer=none.onnx"],
            "no such file",
            marks=pytest.mark.skipif(find_spec("rapidocr") is None, reason="needs the extra engines"),
        ),
        (["--lines", "examples/line.png", "--backend", "onnx"], "ocr export onnx"),  # nothing exported
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.slow
def test_trocr_small_does_the_steps_that_are_asked_for():
    pytest.importorskip("transformers", reason="the extra engines is not installed")
    from ocr.evaluation.engine import Machine
    from ocr.evaluation.engines.trocr import load_untrained

    engine = load_untrained(Machine(torch.device("cpu")), steps=2, batch=2)
    assert 60e6 < engine.about["parameters"] < 64e6, "the published network has 62 million"
    steps, decoder = [], engine.model.decoder
    decoder.register_forward_hook(lambda *call: steps.append(call[2].logits.shape[0]))
    assert len(engine.read_lines([np.full((20, 90), 255, np.uint8)] * 3)) == 3
    assert steps == [2, 2, 1, 1]
