"""A damaged or hostile `bundle.json` ends in one line that names the file, whatever is wrong with it."""

import copy
import json
import random
import re

import pytest
from torch import nn

from ocr.bundle import WEIGHTS, Bundle
from ocr.bundle.schema import read_description, update_description
from ocr.errors import BundleError
from tests.helpers.hostile import HOSTILE

SHIPPED = ("ocr_small_handwritten", "image_text_detector_v2")
TARGET = '"_target_": "ocr.models.vit.ViT"'
DECODING = {
    "strategy": "rescore",
    "options": {"ctc_beam": {"beams": 12, "weight": 0.3}, "rescore": {"candidates": 4, "weight": 0.7}},
    "calibration": {"ctc": {"character": {"probability": 0.8141, "bias": 0.2}}},
}


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped recognizer, its weights linked."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(WEIGHTS / SHIPPED[0] / "model.safetensors")
    content = json.loads((WEIGHTS / SHIPPED[0] / "bundle.json").read_text(encoding="utf-8"))
    content["decoding"] = DECODING
    (folder / "bundle.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "message", "why"),
    [
        (
            TARGET,
            '"_target_": 3',
            r"model_config\.encoder: _target_ must be",
            "target_number of version 0.3.1",
        ),
        (TARGET, '"_target_": ["ocr.models.vit.ViT"]', "_target_ must be", "a name that cannot be looked up"),
        ('"format": 1', '"format": true', "format True, expected 1", "true equals 1 in Python"),
        ('"kind": "recognizer"', '"kind": []', "kind: expected text", "not hashable"),
        ('"kind": "recognizer"', '"kind": "x"', "kind 'x' is not one of", "an unknown kind"),
        ('"name": "ocr_small_handwritten"', '"name": "a\\nb"', "name: expected", "more than one line"),
        ('"name": "ocr_small_handwritten"', '"name": "\\ud800"', "not Unicode text", "half a character"),
        ('"strategy": "rescore"', '"strategy": 3', r"decoding\.strategy: 3 is not text", "a number for text"),
        ('"strategy": "rescore"', '"strategy": "x"', "unknown decode='x'", "a strategy that does not exist"),
        ('"options": {', '"options": 3, "x": {', "decoding.options: expected an object", "no options"),
        ('"beams": 12', '"beams": "12"', "beams: '12' is not a whole number", "text for a number"),
        ('"beams": 12', '"beams": 0', "beams: 0 is less than 1", "no beams"),
        ('"beams": 12', '"beams": 100000000', "beams: 100000000 is larger than 1024", "all of the memory"),
        ('"candidates": 4', '"candidates": null', "candidates: None is not", "null for a number"),
        ('"calibration": {', '"calibration": [], "x": {', "calibration: expected an object", "a list"),
        (
            '"probability": NUMBER',
            '"probability": "high"',
            "probability: 'high' is not",
            "text for a number",
        ),
        (
            '"probability": NUMBER',
            '"probability": NaN',
            "nan is not a number",
            "not JSON, but read as such",
        ),
        (
            '"probability": NUMBER',
            '"probability": 1e999',
            "inf is not a number",
            "a number beyond floats",
        ),
        ('"depth": 6', '"depth": 6' + 5000 * "0", "not readable JSON", "more digits than Python reads"),
        ('"depth": 6', '"depth": ' + 100_000 * "[" + 100_000 * "]", "not readable JSON", "100,000 deep"),
        ('"depth": 6', '"depth": ' + 40 * "[" + 40 * "]", "nested more than 32 deep", "40 deep"),
        ('"depth": 6', '"depth": 7', "does not match its weights", "another size"),
        ('"max_length": 160', '"max_length": 10000000', "tables of", "memory that the weights do not need"),
        (
            '"file": "western',
            '"file": "/dev/zero',
            "'/dev/zero7.ngram' is a file in a folder",
            "a file that never ends",
        ),
        ('"model_config": {', '"model_config": [], "x": {', "unknown field 'x'", "a list for an object"),
    ],
)
def test_a_damaged_description_is_refused_in_one_line(folder, old, new, message, why):
    text = json.dumps(json.loads((folder / "bundle.json").read_text(encoding="utf-8")))
    # Fitted numbers change with the shipped weights.
    pattern = re.escape(old).replace("NUMBER", r"-?[0-9.]+")
    damaged, count = re.subn(pattern, lambda found: new, text, count=1)
    assert count == 1
    (folder / "bundle.json").write_text(damaged, encoding="utf-8")
    with pytest.raises(BundleError, match=message) as caught:
        Bundle.load(folder)
    assert str(folder / "bundle.json") in str(caught.value) and "\n" not in str(caught.value), why
    assert len(str(caught.value)) < 500 + len(str(folder)), why


def places(value, path=()):
    """Paths of all values of a description."""
    yield path
    for key, item in (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    ):
        yield from places(item, (*path, key))


def mutated(content, draw):
    """A copy with one to three values replaced, removed, or given another's name."""
    content = copy.deepcopy(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        path = draw.choice([path for path in places(content) if path])
        holder = content
        for key in path[:-1]:
            holder = holder[key]
        kind = draw.random()
        if kind < 0.7:
            holder[path[-1]] = copy.deepcopy(draw.choice(HOSTILE))
        elif kind < 0.85:
            del holder[path[-1]]
        elif isinstance(holder, dict):
            holder["x" + str(path[-1])] = holder.pop(path[-1])
    return content


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_five_hundred_mutations_load_or_are_refused_in_one_line(name, tmp_path, monkeypatch):
    # Weights are loaded over the initial ones, which take most of the time.
    for init in ("trunc_normal_", "normal_", "kaiming_uniform_", "uniform_"):
        monkeypatch.setattr(nn.init, init, lambda tensor, *arguments, **options: tensor)
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(WEIGHTS / name / "model.safetensors")
    content = json.loads((WEIGHTS / name / "bundle.json").read_text(encoding="utf-8"))
    # Training data and metrics are most of the text and take any value: they are mutated by their first row.
    content["training_data"] = content["training_data"][:1]
    content["metrics"] = dict(list(content["metrics"].items())[:1])
    draw, refused = random.Random(name), 0
    for round_ in range(250):
        (folder / "bundle.json").write_text(json.dumps(mutated(content, draw)), encoding="utf-8")
        try:
            Bundle.load(folder)
        except BundleError as error:
            refused += 1
            text = str(error)
            assert "\n" not in text and str(folder) in text and len(text) < 500 + len(str(folder)), round_
    assert refused > 100


def test_fields_are_replaced_in_one_step_and_checked(folder):
    before = read_description(folder)
    update_description(folder, metrics={"a": {"cer": 1.0}})
    after = read_description(folder)
    assert after == before | {"metrics": {"a": {"cer": 1.0}}} and len(after["weights_sha256"]) == 64
    with pytest.raises(BundleError, match=r"bundle\.json: decoding: expected an object"):
        update_description(folder, decoding=3)
    assert read_description(folder) == after
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "model.safetensors"]
