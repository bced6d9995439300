"""Cards say what bundles say, and never less than what they were trained on."""

import json
import shutil
from pathlib import Path

import pytest

from ocr.bundle import WEIGHTS, Bundle, available
from ocr.model_card import main, model_card

DOCS = Path(__file__).parents[1] / "docs" / "models"


@pytest.fixture
def folder(tiny_recognizer, tmp_path) -> Path:
    """A bundle with facts to tell."""
    folder = shutil.copytree(tiny_recognizer, tmp_path / "tiny")
    content = json.loads((folder / "bundle.json").read_text())
    content["training_data"] = [
        {"name": "letters", "licence": "CC BY 4.0", "use": "train | val", "note": "old"}
    ]
    content["description"] = {"languages": ["English", "French"]}
    content["metrics"] = {"validation": {"cer": 9.5}, "steps": 100}
    (folder / "bundle.json").write_text(json.dumps(content))
    return folder


def test_a_card_tells_everything_that_the_bundle_knows(folder, tmp_path, capsys):
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"cer": 7.125, "cer_ci": [6.5, 8.25], "lines": 212, "settings": {}}))
    assert (
        main([str(folder), "--output", str(tmp_path / "cards"), "--report", f"stanford-test={report}"]) == 0
    )
    card = (tmp_path / "cards" / "tiny.md").read_text()
    for fact in ("languages: English, French", "| letters | CC BY 4.0 | train \\| val | old |", "steps: 100"):
        assert fact in card
    assert "| stanford-test | 7.125 | 6.5 to 8.25 | 212 |" in card
    assert Bundle.load(folder).metrics["stanford-test"]["lines"] == 212, "the bundle keeps its numbers"


@pytest.mark.parametrize(
    ("content", "why"), [("{}", "no numbers"), ("not JSON", "no report"), (None, "no such file")]
)
def test_a_useless_report_changes_nothing(folder, tmp_path, capsys, content, why):
    before = (folder / "bundle.json").read_text()
    report = tmp_path / "report.json"
    if content is not None:
        report.write_text(content)
    assert main([str(folder), "--output", str(tmp_path), "--report", f"x={report}"]) == 2, why
    assert capsys.readouterr().err.count("\n") == 1
    assert (folder / "bundle.json").read_text() == before


def test_shipped_bundles_have_current_cards():
    stale = []
    for name in available():
        size = (WEIGHTS / name / "model.safetensors").stat().st_size
        card = DOCS / f"{name}.md"
        if not card.is_file() or card.read_text(encoding="utf-8") != model_card(Bundle.load(name), size=size):
            stale.append(name)
    assert not stale, "run python -m ocr.model_card"
