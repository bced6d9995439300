"""A bundle survives the disk, refuses what is broken, and never runs what a stranger wrote."""

import json

import pytest
import torch

from ocr.bundle import Bundle
from ocr.bundle.legacy import current
from ocr.bundle.registry import build
from ocr.errors import BundleError
from ocr.image.fixed_size import FixedSizePreprocessor

MODEL = {
    "_target_": "ocr.models.recognizer.Recognizer",
    "encoder": {
        "_target_": "ocr.models.vit.ViT",
        "patch_embed": {"_target_": "ocr.nn.patch_embed.LinearPatchEmbed", "dim": 16, "patch": [16, 4]},
        "dim": 16,
        "depth": 1,
        "heads": 2,
    },
    "ctc_vocabulary": 9,
}
PARTS = {"ctc_tokenizer": {"_target_": "ocr.text.tokenizer.CharTokenizer", "characters": "abcde"}}


@pytest.fixture
def folder(tmp_path):
    from ocr.bundle.registry import build

    torch.manual_seed(0)
    bundle = Bundle("recognizer", "tiny", build(MODEL), MODEL, PARTS, training_data=[{"name": "none"}])
    return bundle.save(tmp_path / "tiny")


def test_round_trip_keeps_weights_to_half_precision_and_facts(folder):
    a = Bundle.load(folder)
    assert a.kind == "recognizer" and a.training_data == [{"name": "none"}]
    assert a.parts["ctc_tokenizer"].decode(a.parts["ctc_tokenizer"].encode("abe")) == "abe"
    b = Bundle.load(a.save(folder.parent / "again"))
    for (name, x), y in zip(a.model.state_dict().items(), b.model.state_dict().values(), strict=True):
        assert torch.equal(x, y), name
    assert not a.model.training


@pytest.mark.parametrize("order", [("encoder", "decoder"), ("decoder", "encoder")])
def test_parts_are_built_in_the_order_of_the_configuration(order):
    """Otherwise the weights that a seed gives differ from process to process, as does the order of a set."""
    decoder = {"_target_": "ocr.models.decoder.TransformerDecoder", "vocabulary": 9, "dim": 16, "depth": 1}
    parts = {"encoder": MODEL["encoder"], "decoder": decoder | {"heads": 2, "memory_dim": 16}}
    torch.manual_seed(0)
    expected = {name: build(parts[name]) for name in order}
    torch.manual_seed(0)
    model = build(
        {"_target_": MODEL["_target_"], "ctc_vocabulary": 9} | {name: parts[name] for name in order}
    )
    for name, part in expected.items():
        for key, weight in part.state_dict().items():
            assert torch.equal(weight, getattr(model, name).state_dict()[key]), (name, key)


def edit(folder, change):
    path = folder / "bundle.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "message", "why"),
    [
        (lambda f: (f / "bundle.json").write_text("{"), "not readable JSON", "cut off"),
        (lambda f: (f / "bundle.json").unlink(), "unknown bundle", "no description"),
        (lambda f: (f / "model.safetensors").write_bytes(b"xx"), "damaged, its SHA-256", "weights damaged"),
        (lambda f: (f / "model.safetensors").unlink(), "cannot be read", "weights missing"),
        (lambda f: edit(f, lambda c: c.update(format=99)), "format 99", "from the future"),
        (lambda f: edit(f, lambda c: c.pop("kind")), "lacks kind", "a field missing"),
        (lambda f: edit(f, lambda c: c.update(color=1)), "unknown field 'color'", "a field too many"),
        (
            lambda f: edit(f, lambda c: c["model_config"].update(ctc_vocabulary=5)),
            "does not match",
            "weights of another size",
        ),
        (
            lambda f: edit(f, lambda c: c["model_config"].update(_target_="os.system")),
            "refusing to build 'os.system'",
            "a stranger's code",
        ),
        (
            lambda f: edit(f, lambda c: c["model_config"].update(_target_="ocr.models.vit.Gone")),
            "refusing to build 'ocr.models.vit.Gone'",
            "a class that does not exist",
        ),
        (
            lambda f: edit(f, lambda c: c["model_config"].update(speed=3)),
            "does not accept 'speed'",
            "an argument the class does not know",
        ),
    ],
)
def test_broken_bundles_are_refused_in_one_line(folder, damage, message, why):
    damage(folder)
    with pytest.raises(BundleError, match=message) as caught:
        Bundle.load(folder)
    assert "\n" not in str(caught.value)


def test_wrong_kind_is_refused(folder):
    with pytest.raises(BundleError, match="is a recognizer, not a detector"):
        Bundle.load(folder, kind="detector")


def test_former_names_in_a_bundle_are_read_as_the_current_ones():
    content = {
        "kind": "detector",
        "part_configs": {
            "pages": {
                "_target_": "ocr.image.page_preprocess.PagePreprocessor",
                "longest": 640,
                "enlarge": 1.5,
            },
            "lines": {"_target_": "ocr.image.squash.SquashPreprocessor", "height": 32, "width": 32},
        },
        "decoding": {"strategy": "joint", "options": {"joint": {"candidates": 2}}, "text_threshold": 0.7},
        "metrics": {"a": {"cer": 1.0, "decode": "joint"}},
    }
    now = current(content)
    pages, lines = (build(now["part_configs"][key]) for key in ("pages", "lines"))
    assert pages.max_side == 640 and isinstance(lines, FixedSizePreprocessor)
    assert now["decoding"] == {
        "strategy": "rescore",
        "options": {"rescore": {"candidates": 2}},
        "text_threshold": 0.7,
    }
    assert now["metrics"]["a"]["decode"] == "rescore" and now["kind"] == "detector"
    assert current(now) == now, "current names stay"
