"""Cards say what bundles say, and never less than what they were trained on."""

import json
import re
import shutil
from pathlib import Path

import pytest
from rapidfuzz.distance.Levenshtein import distance

from ocr.bundle import WEIGHTS, Bundle, available
from ocr.cards.card import Example, make_example, model_card
from ocr.commands.card import main

ROOT = Path(__file__).parents[2]
DOCS, LETTER = ROOT / "docs" / "models", ROOT / "examples" / "letter.jpg"


@pytest.fixture
def folder(tiny_recognizer, tmp_path) -> Path:
    """A bundle with facts to tell."""
    folder = shutil.copytree(tiny_recognizer, tmp_path / "tiny")
    content = json.loads((folder / "bundle.json").read_text())
    content["training_data"] = [
        {"name": "letters", "licence": "CC BY 4.0", "use": "train | val", "note": "non-commercial"}
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
    assert (tmp_path / "images" / "tiny.jpg").is_file(), "the example's picture lies beside the cards"
    assert "7.1 % CER on stanford-test" in (tmp_path / "cards" / "tiny.md").read_text(), "the hardest set"
    card = (tmp_path / "cards" / "tiny.md").read_text()
    for fact in (
        "| languages | English, French |",
        "| letters | CC BY 4.0 | train \\| val | non-commercial |",
        "- letters (CC BY 4.0): non-commercial",
        "steps: 100",
    ):
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


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("name", available())
def test_shipped_bundles_have_current_cards(name, tmp_path):
    size = (WEIGHTS / name / "model.safetensors").stat().st_size
    bundle = Bundle.load(name)
    card = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(.*?)\n```", card, re.DOTALL)[1]
    again = make_example(name, bundle.kind, image=LETTER, picture=tmp_path / f"{name}.jpg")
    # Another processor may round another way, so a letter or two may differ.
    assert distance(shown, again.text) <= 0.03 * len(shown), "run ocr card"
    assert (DOCS.parent / "images" / f"{name}.jpg").is_file()
    current = model_card(bundle, size=size, example=Example(shown, again.picture))
    assert card == current, "run ocr card"
