"""A converted ViT or DeiT sees grey lines as the original sees grey pictures, and training can start from it."""

import pytest
import timm
import torch
import transformers
from safetensors.torch import save_file

from ocr.bundle import Bundle
from ocr.commands import convert, train
from ocr.commands.convert import main
from ocr.convert.deit import convert_deit, convert_timm
from ocr.convert.trocr import convert_trocr
from ocr.convert.vit import Colors
from ocr.errors import BundleError, ConfigError, WeightsError
from ocr.inference.recognizer import LineReader
from ocr.training.start import Start, new_bundle
from ocr.types import ImageBatch

SIZE, DIM, DEPTH, HEADS = 32, 24, 2, 3
SIZES = {"img_size": SIZE, "patch_size": 8, "embed_dim": DIM, "depth": DEPTH, "num_heads": HEADS}
HALF = Colors([0.5] * 3, [0.5] * 3)
IMAGENET = Colors(**convert.IMAGENET)


def timm_vit(distilled=False, **more):
    from timm.models.deit import VisionTransformerDistilled
    from timm.models.vision_transformer import VisionTransformer

    return (VisionTransformerDistilled if distilled else VisionTransformer)(**SIZES, num_classes=5, **more)


def hugging_face(kind="ViT", **more):
    sizes = {"hidden_size": DIM, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "patch_size": 8}
    config = getattr(transformers, f"{kind}Config")(intermediate_size=48, image_size=SIZE, **sizes, **more)
    return getattr(transformers, f"{kind}ForImageClassification")(config)


def randomised(model):
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        torch.nn.init.normal_(weight, mean=float("norm" in name and "weight" in name), std=0.2)
    return model.eval()


def features(model, pixels):
    """The original's features of all patches, (b, t, d)."""
    with torch.no_grad():
        if hasattr(model, "forward_features"):
            return model.forward_features(pixels)[:, model.num_prefix_tokens :]
        body = getattr(model, model.base_model_prefix)
        return body(pixels).last_hidden_state[:, -((SIZE // 8) ** 2) :]


def stored(model, path):
    """The weights as they are published."""
    if hasattr(model, "save_pretrained"):
        model.save_pretrained(path.parent)
        return path.parent / "model.safetensors"
    state = model.state_dict()
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"model": state} if path.stem == "deit" else state, path)
    return path


@pytest.mark.parametrize(
    ("make", "file", "colors", "why"),
    [
        (lambda: timm_vit(), "vit.safetensors", HALF, "class token, mean and deviation a half"),
        (lambda: timm_vit(distilled=True), "deit.pth", IMAGENET, "distillation token, weights under `model`"),
        (lambda: timm_vit(qkv_bias=False), "vit.bin", IMAGENET, "no bias on queries, keys and values"),
        (
            lambda: timm_vit(class_token=False, global_pool="", fc_norm=False),
            "vit.pth",
            HALF,
            "no prefix at all",
        ),
        (lambda: hugging_face(), "model.safetensors", HALF, "Hugging Face's names"),
        (lambda: hugging_face("DeiT"), "model.safetensors", IMAGENET, "the same with distillation token"),
    ],
)
def test_features_of_grey_pictures_equal(tmp_path, make, file, colors, why):
    reference = randomised(make())
    bundle = convert_deit(stored(reference, tmp_path / file), name="x", colors=colors, heads=HEADS)
    ink = torch.rand(2, 1, SIZE, SIZE)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (colors.mean, colors.std))
    expected = features(reference, ((1 - ink).expand(-1, 3, -1, -1) - mean) / std)
    with torch.no_grad():
        found = bundle.model(ink, torch.full((2,), SIZE)).features
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_the_encoder_can_come_out_of_a_trocr(checkpoints):
    folder, _ = checkpoints["small"]
    whole = convert_trocr(folder, name="x").model.encoder.state_dict()
    alone = convert_deit(folder / "model.safetensors", name="x", colors=HALF).model.state_dict()
    whole["patch_embed.proj.weight"] = whole["patch_embed.proj.weight"].sum(1, keepdim=True)
    assert alone.keys() == whole.keys()
    for key, value in whole.items():
        torch.testing.assert_close(alone[key], value)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    path = stored(randomised(timm_vit()), folder / "vit.pth")
    assert main(["deit", str(path), "--output", str(folder / "bundle"), f"--heads={HEADS}"]) == 0
    return folder / "bundle"


def test_an_encoder_is_no_recognizer(encoder):
    with pytest.raises(ConfigError, match="of kind encoder, not recognizer"):
        LineReader(Bundle.load(encoder))


def stem(height=16, **changes):
    """The configuration of a recogniser with a convolutional stem over blocks of the encoder's sizes."""
    encoder = {
        "_target_": "ocr.models.vit.ViT",
        "patch_embed": {
            "_target_": "ocr.nn.patch_embed.ConvStem",
            "dim": DIM,
            "height": height,
            "channels": [4, 4],
        },
        "dim": DIM,
        "depth": DEPTH,
        "heads": HEADS,
    }
    return {
        "_target_": "ocr.models.recognizer.Recognizer",
        "encoder": encoder | changes,
        "ctc_vocabulary": 9,
    }


def test_training_starts_from_the_blocks_of_an_encoder(encoder):
    torch.manual_seed(1)
    position = {"_target_": "ocr.nn.position.LearnedPosition", "dim": DIM, "height": 1, "width": 6}
    made = new_bundle(
        "recognizer",
        "x",
        stem(depth=1, position=position),
        parts={},
        tokenizers={},
        start=Start(Bundle.load(encoder), str(encoder)),
    )
    start, mine = Bundle.load(encoder).model.state_dict(), made.model.encoder.state_dict()
    taken = [key for key in mine if key.startswith(("blocks.", "norm."))]
    assert len(taken) == 12 + 2 and all(torch.equal(mine[key], start[key]) for key in taken)
    assert mine["position.table"].abs().max() > 0.1, "resampled to another grid, not begun anew"
    assert made.training_data[0]["name"] == "vit.pth"
    pixels = ImageBatch(torch.rand(1, 1, 16, 24), torch.tensor([24]))
    assert made.model(pixels).ctc_logits.isfinite().all()


def test_training_starts_from_a_model_of_timm_by_name(monkeypatch):
    published = timm.create_model("test_vit", pretrained=False)
    asked = []

    def create_model(name, *, pretrained):
        asked.append((name, pretrained))
        return published

    monkeypatch.setattr(timm, "create_model", create_model)
    start = train.read_start("timm:test_vit")
    assert asked == [("test_vit", True)], "with its published weights"
    assert start.name == "timm:test_vit" and start.bundle.kind == "encoder"
    config = stem(dim=64, depth=2, heads=start.bundle.model.blocks[0].attn.heads, mlp_ratio=3.0)
    config["encoder"]["patch_embed"]["dim"] = 64
    made = new_bundle("recognizer", "x", config, parts={}, tokenizers={}, start=start)
    for name, weight in published.blocks[0].state_dict().items():
        assert torch.equal(made.model.encoder.blocks[0].state_dict()[name], weight), name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("deit_tinny", "timm has no model of this name"),
        ("hf-hub:someone/vit", "timm has no model of this name"),
        ("test_resnet", "not the weights of one ViT"),
    ],
)
def test_models_of_timm_that_are_no_start_are_named(name, message):
    with pytest.raises(WeightsError, match=f"timm:{name}: .*{message}"):
        convert_timm(name, pretrained=False)


@pytest.mark.parametrize(
    ("changes", "message", "why"),
    [
        ({"heads": 4}, "its encoder has 3 heads, that of this run 4", "the same sizes cut otherwise"),
        ({"depth": 3}, "blocks.2.* of its encoder is none", "fewer blocks than the run wants"),
        (
            {"mlp_ratio": 2.0},
            r"mlp.fc1.weight of its encoder is \(96, 24\), that of this run \(48, 24\)",
            "size",
        ),
    ],
)
def test_an_encoder_that_does_not_fit_costs_one_line(encoder, changes, message, why):
    with pytest.raises(ConfigError, match=message) as caught:
        new_bundle(
            "recognizer",
            "x",
            stem(**changes),
            parts={},
            tokenizers={},
            start=Start(Bundle.load(encoder), str(encoder)),
        )
    assert str(caught.value).startswith(f"init_from={encoder}: ")


def test_an_encoder_is_no_start_for_a_detector(encoder):
    with pytest.raises(BundleError, match="is a encoder, not a detector"):
        new_bundle(
            "detector", "x", stem(), parts={}, tokenizers={}, start=Start(Bundle.load(encoder), str(encoder))
        )


@pytest.mark.parametrize(
    ("make", "message", "why"),
    [
        (lambda: timm_vit(init_values=0.1), "blocks.0.ls1.gamma", "layer scale"),
        (lambda: timm_vit(qk_norm=True), "q_norm", "normalised queries"),
        (
            lambda: timm_vit(no_embed_class=True),
            "pos_embed is (1, 16, 24), expected a square",
            "positions without the class token",
        ),
        (lambda: timm_vit(in_chans=1), "not of color patches", "grey already"),
        (lambda: timm_vit(pre_norm=True), "patch_embed.proj.bias", "normalised patches"),
        (lambda: timm.create_model("resnet18"), "not the weights of one ViT", "no Transformer"),
    ],
)
def test_other_architectures_cost_one_line(tmp_path, capsys, make, message, why):
    path = stored(make(), tmp_path / "weights.pth")
    assert main(["deit", str(path), "--output", str(tmp_path / "out"), f"--heads={HEADS}"]) == 2, why
    err = capsys.readouterr().err
    assert err.startswith(f"error: {path}: ") and message in err and err.count("\n") == 1


def test_heads_that_do_not_fit_are_named(tmp_path, capsys):
    path = stored(timm_vit(), tmp_path / "weights.pth")
    assert main(["deit", str(path), "--output", str(tmp_path / "out"), "--heads=7"]) == 2
    assert "24 is not divisible by 7 heads" in capsys.readouterr().err
