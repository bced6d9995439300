"""Converted TrOCR weights compute and write what the library does that they come from."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from ocr.bundle import Bundle
from ocr.commands import evaluate, read
from ocr.commands.convert import main
from ocr.convert.trocr import convert_trocr
from ocr.errors import ConfigError, WeightsError
from ocr.inference import device
from ocr.inference.backends import torch_networks
from ocr.inference.recognizer import LineReader
from tests.helpers.checkpoints import LABELS, PICTURES, SIZE, STYLES, processor_of

BLENDS = [Image.blend(PICTURES[i], PICTURES[i - 1], 0.45) for i in range(3)]
"""Pictures that the models are unsure of, so that beams differ."""

LAYER = "decoder.model.decoder.layers.0"
STYLE = pytest.mark.parametrize("style", STYLES)


@pytest.fixture(scope="module")
def pairs(checkpoints):
    """The library's model and our bundle, a style each."""
    return {
        style: (model, convert_trocr(folder, name=style)) for style, (folder, model) in checkpoints.items()
    }


@STYLE
def test_logits_equal(checkpoints, pairs, style):
    reference, bundle = pairs[style]
    pixels = processor_of(checkpoints[style][0])(PICTURES, return_tensors="pt").pixel_values
    preprocess = bundle.parts["preprocess"]
    tokens = torch.randint(4, bundle.parts["tokenizer"].size, (3, 9), generator=torch.manual_seed(1))
    tokens[:, 0] = 2
    with torch.no_grad():
        expected = reference(pixels, decoder_input_ids=tokens)
        batch = preprocess.batch([preprocess(np.asarray(picture)) for picture in PICTURES])
        found = bundle.model(batch, tokens)
    assert (batch.pixels >= 0).all() and (batch.pixels <= 1).all()
    torch.testing.assert_close(
        found.encoded.features, expected.encoder_last_hidden_state, atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(found.decoder_logits, expected.logits, atol=1e-4, rtol=1e-4)
    assert found.ctc_logits is None


@STYLE
@pytest.mark.parametrize(("beams", "name"), [(1, "greedy"), (4, "beam")])
def test_generated_text_equals(checkpoints, pairs, style, beams, name, monkeypatch):
    """Our beam search ends a line when it has as many texts as beams: the library's `early_stopping`."""
    reference, bundle = pairs[style]
    processor, pictures = processor_of(checkpoints[style][0]), PICTURES + BLENDS
    ids = reference.generate(
        processor(pictures, return_tensors="pt").pixel_values,
        num_beams=beams,
        early_stopping=beams > 1,
        max_length=bundle.model.decoder.max_length,
    )
    expected = [text.strip() for text in processor.batch_decode(ids, skip_special_tokens=True)]
    # Random weights tell texts apart by less than half precision does.
    for module in (device, torch_networks):
        monkeypatch.setattr(module, "has_bfloat16", lambda device: False)
    found = LineReader(bundle, decode=name).read([np.asarray(picture) for picture in pictures])
    assert [line.text for line in found] == expected
    assert len(set(expected)) > 2


@STYLE
def test_cached_decoding_equals_uncached(pairs, style):
    model = pairs[style][1].model.decoder
    tokens = torch.randint(4, 40, (2, 7), generator=torch.manual_seed(2))
    features, mask = torch.randn(2, 5, 32), torch.tensor([[True] * 5, [True, True, False, True, False]])
    with torch.no_grad():
        cache = model.start(features, mask)
        steps = torch.stack([model.step(column, cache) for column in tokens.T], dim=1)
        torch.testing.assert_close(steps, model(tokens, features, mask), atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def bundle(checkpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "trocr=[small]"
    assert main(["trocr", str(checkpoints["small"][0]), "--output", str(folder)]) == 0
    return folder


def test_the_bundle_reads_a_file_as_the_library_does(bundle, tmp_path, capsys):
    PICTURES[0].save(tmp_path / "line.png")
    arguments = [f"input={tmp_path}", f"output={tmp_path}", f"recognizer={bundle}", "detector=none"]
    assert read.main([*arguments, "formats=[json,draw]"]) == 0
    assert capsys.readouterr().out == f"{LABELS[0]}\n"
    (line,) = json.loads((tmp_path / "line.json").read_text())["lines"]
    words = line["words"]
    assert [word["text"] for word in words] == LABELS[0].split()
    left, right = (np.array(word["polygon"])[:, 0] for word in words)
    # Nothing aligns them: of the line's 90 pixels, four and three of eight characters, and a space between.
    assert (left.min(), left.max(), right.min(), right.max()) == (0, 45, pytest.approx(56.2, abs=0.1), 90)
    assert 0 < line["confidence"] <= 1


def test_the_bundle_can_be_evaluated(bundle, tmp_path):
    """Labelled lines are decoded to grey, so that is what the reader must be given to compare."""
    greys = [np.asarray(picture.convert("L")) for picture in PICTURES]
    for number, grey in enumerate(greys):
        Image.fromarray(grey).save(tmp_path / f"{number}.png")
    rows = "".join(f"{number}.png\t{label}\n" for number, label in enumerate(LABELS))
    (tmp_path / "labels.tsv").write_text(rows)
    copy = shutil.copytree(bundle, tmp_path / "bundle")
    data = [f"data.images={tmp_path}", f"data.labels={tmp_path}/labels.tsv"]
    assert evaluate.main([f"bundle={copy}", "data=folder", *data, f"predictions={tmp_path}/lines"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    expected = [line.text for line in LineReader(Bundle.load(copy)).read(greys)]
    assert [row["reading"] for row in sorted(rows, key=lambda row: row["id"])] == expected


@pytest.mark.parametrize("decode", ["ctc", "ctc_beam", "rescore"])
def test_what_needs_a_ctc_head_is_refused(bundle, decode):
    with pytest.raises(ConfigError, match=f"decode={decode}: .* has no CTC head, use decode=greedy or beam"):
        LineReader(Bundle.load(bundle), decode=decode)


@pytest.mark.parametrize(
    ("generation", "strategy", "max_length", "dropped", "why"),
    [
        ({}, "greedy", 24, None, "nothing said: as many tokens as there are positions"),
        ({"max_length": 7}, "greedy", 7, None, "a limit of its own"),
        (
            {"num_beams": 4, "no_repeat_ngram_size": 3, "length_penalty": 1.0},
            "beam",
            24,
            {"no_repeat_ngram_size": 3},
            "as many fine-tuned checkpoints have it",
        ),
        ({"max_new_tokens": 7, "max_length": 20}, "greedy", 8, None, "without the start"),
        ({"num_beams": 5}, "beam", 24, {"num_beams": 5}, "more beams than decode=beam has"),
    ],
)
def test_settings_of_generation(
    checkpoints, tmp_path, capsys, generation, strategy, max_length, dropped, why
):
    folder = shutil.copytree(checkpoints["small"][0], tmp_path / "source")
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | generation))
    assert main(["trocr", str(folder), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    bundle = Bundle.load(tmp_path / "out")
    assert bundle.decoding == {"strategy": strategy}, why
    assert bundle.model.decoder.max_length == max_length, why
    assert bundle.description.get("not_carried_over") == dropped
    assert said == "".join(f"not carried over: {key}={value}\n" for key, value in (dropped or {}).items())


def test_layouts_of_other_versions(checkpoints, tmp_path):
    """Weights by torch.save with both of the tied matrices; processor and tokenizer in files of the new names."""
    source, model = checkpoints["base"]
    state = load_file(source / "model.safetensors")
    for name in ("config.json", "generation_config.json"):
        shutil.copy(source / name, tmp_path)
    tied = ("decoder.output_projection.weight", "decoder.model.decoder.embed_tokens.weight")
    stored = next(state[name] for name in tied if name in state)
    torch.save(state | dict.fromkeys(tied, stored), tmp_path / "pytorch_model.bin")
    processor_of(source).save_pretrained(tmp_path)
    assert not (tmp_path / "vocab.json").exists() and not (tmp_path / "preprocessor_config.json").exists()
    found, expected = convert_trocr(tmp_path, name="a"), convert_trocr(source, name="a")
    assert found.model_config == expected.model_config
    assert found.part_configs["preprocess"] == expected.part_configs["preprocess"]
    text = "a dark night's fox"
    assert found.parts["tokenizer"].encode(text) == expected.parts["tokenizer"].encode(text)
    for name, value in expected.model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value), name


def _config(change):
    def damage(folder):
        content = json.loads((folder / "config.json").read_text())
        change(content)
        (folder / "config.json").write_text(json.dumps(content))

    return damage


def _file(name, **changes):
    def damage(folder):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return damage


def _weights(change):
    def damage(folder):
        state = load_file(folder / "model.safetensors")
        change(state)
        (folder / "model.safetensors").unlink()
        torch.save(state, folder / "pytorch_model.bin")

    return damage


@pytest.mark.parametrize(
    ("damage", "message", "why"),
    [
        (lambda f: (f / "config.json").unlink(), r"config.json: cannot be read", "no description"),
        (lambda f: (f / "config.json").write_text("{"), r"config.json: not JSON", "cut off"),
        (lambda f: (f / "config.json").write_text("[]"), r"config.json: not a JSON object", "something else"),
        (lambda f: (f / "model.safetensors").unlink(), r"model.safetensors: cannot be read", "no weights"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"version https"),
            r"model.safetensors: not a file of weights",
            "a Git LFS pointer",
        ),
        (
            lambda f: (f / "preprocessor_config.json").unlink(),
            r"preprocessor_config.json",
            "no preprocessing",
        ),
        (lambda f: (f / "sentencepiece.bpe.model").unlink(), r"no tokenizer", "no tokenizer"),
        (
            lambda f: (f / "sentencepiece.bpe.model").write_bytes(b"xx"),
            r"sentencepiece.bpe.model: not a SentencePiece model",
            "a damaged tokenizer",
        ),
        (
            _config(lambda c: c["encoder"].update(model_type="swin")),
            r"config.json: .*'swin', 'trocr'",
            "another encoder",
        ),
        (
            _config(lambda c: c["decoder"].update(model_type="roberta")),
            r"config.json: .*'deit', 'roberta'",
            "another decoder",
        ),
        (_config(lambda c: c.pop("encoder")), r"config.json: .*None, 'trocr'", "no encoder"),
        (
            _config(lambda c: c["encoder"].update(hidden_act="relu")),
            r"config.json: hidden_act is 'relu', expected 'gelu'",
            "another activation",
        ),
        (
            _config(lambda c: c["decoder"].update(activation_function="silu")),
            r"activation 'silu'",
            "another activation in the decoder",
        ),
        (
            _config(lambda c: c["encoder"].update(hidden_size=64)),
            r"config.json: hidden_size is 64, expected 32",
            "configuration of another size",
        ),
        (
            _config(lambda c: c["encoder"].update(num_attention_heads=5)),
            r"not divisible by 5 heads",
            "heads that do not fit",
        ),
        (
            _config(lambda c: c["decoder"].update(d_model=32)),
            r"model.safetensors: does not fit \(size mismatch",
            "decoder of another size",
        ),
        (
            _config(lambda c: c["decoder"].update(decoder_layers=3)),
            r"model.safetensors: lacks decoder.model.decoder.layers.2",
            "fewer layers than announced",
        ),
        (
            _config(lambda c: c["decoder"].update(decoder_layers=1)),
            r"model.safetensors: decoder.model.decoder.layers.1.* no place",
            "more layers than announced",
        ),
        (
            _file("preprocessor_config.json", size=SIZE * 2),
            r"preprocessor_config.json: size \(64, 64\)",
            "pictures of another size than the encoder's",
        ),
        (_file("preprocessor_config.json", resample=0), r"resample is 0", "an unknown filter"),
        (_file("generation_config.json", eos_token_id=[2, 3]), r"expected one id each", "two ends"),
        (_file("generation_config.json", forced_bos_token_id=5), r"forced first token", "a forced token"),
        (
            _weights(
                lambda s: s.update({"encoder.embeddings.patch_embeddings.projection.lora_A": torch.zeros(1)})
            ),
            r"pytorch_model.bin: .*lora_A .*no place",
            "an adapter",
        ),
        (
            _weights(lambda s: s.update({"encoder.embeddings.position_embeddings": torch.zeros(1, 15, 32)})),
            r"pytorch_model.bin: .*position_embeddings is \(1, 15, 32\), expected a square",
            "a table for no square",
        ),
        (
            _weights(lambda s: s.update({"encoder.embeddings.cls_token": torch.zeros(1, 1, 9)})),
            r"pytorch_model.bin: encoder.embeddings.cls_token and its like differ in size",
            "a token of another width",
        ),
        (
            _weights(lambda s: s.update({f"{LAYER}.encoder_attn.k_proj.weight": torch.zeros(24, 9)})),
            r"pytorch_model.bin: .*k_proj.weight and its like differ in size",
            "keys of another width than values",
        ),
        (_file("preprocessor_config.json", image_mean=[0.5]), r"image_mean \[0.5\]", "a grey mean"),
        (
            _weights(lambda s: s.update(epoch=3)),
            r"pytorch_model.bin: 'epoch' is no tensor but int",
            "a number among the weights",
        ),
    ],
)
def test_what_cannot_be_converted_costs_one_line(checkpoints, tmp_path, capsys, damage, message, why):
    folder = shutil.copytree(checkpoints["small"][0], tmp_path / "source")
    (folder / "tokenizer.json").unlink(missing_ok=True)
    damage(folder)
    assert main(["trocr", str(folder), "--output", str(tmp_path / "out")]) == 2, why
    with pytest.raises(WeightsError, match=message) as caught:
        convert_trocr(folder, name="x")
    assert "\n" not in str(caught.value)
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
