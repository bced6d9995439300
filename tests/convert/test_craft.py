"""Converted CRAFT weights give the published network's maps; that network is written out here once more."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ocr.bundle import Bundle
from ocr.commands.convert import main
from ocr.convert.craft import convert_craft
from ocr.inference.detector import LineFinder
from ocr.models.backbones.vgg16_bn import Vgg16Bn, logits_to_scores
from ocr.models.detector import LinkRefiner

VGG = (
    *(("slice1", 0), ("slice1", 3), "pool", ("slice1", 7), ("slice1", 10), "tap", "pool"),
    *(("slice2", 14), ("slice2", 17), "tap", ("slice3", 20), "pool", ("slice3", 24), ("slice3", 27), "tap"),
    *(("slice4", 30), "pool", ("slice4", 34), ("slice4", 37)),
)
"""The layers of CRAFT's VGG16-BN with the published names."""


class Layers:
    """Single layers by name, on plain functions."""

    def __init__(self, state):
        self.state = state

    def conv(self, x, name, *, padding=0, dilation=1):
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return F.conv2d(x, weight, bias, padding=padding, dilation=dilation)

    def norm(self, x, name):
        kinds = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(self.state[f"{name}.{kind}"] for kind in kinds))

    def conv_norm_relu(self, x, name, number, **options):
        x = self.conv(x, f"{name}.{number}", **options)
        return F.relu(self.norm(x, f"{name}.{number + 1}"))


def craft(state, pixels):
    """pixels: (b, 3, h, w) RGB in [0, 1]. Returns scores (b, 2, h/2, w/2) and features (b, 32, h/2, w/2)."""
    net, taps = Layers(state), []
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    for layer in VGG:
        if layer == "pool":
            x = F.max_pool2d(x, 2)
        elif layer == "tap":
            taps.append(x)
        elif layer == VGG[-1]:
            x = net.norm(net.conv(x, "basenet.slice4.37", padding=1), "basenet.slice4.38")
        else:
            x = net.conv_norm_relu(x, f"basenet.{layer[0]}", layer[1], padding=1)
    deep = F.max_pool2d(x, 3, stride=1, padding=1)
    deep = net.conv(net.conv(deep, "basenet.slice5.1", padding=6, dilation=6), "basenet.slice5.2")
    x = torch.cat([deep, x], 1)
    for number in range(1, 5):
        x = net.conv_norm_relu(x, f"upconv{number}.conv", 0)
        x = net.conv_norm_relu(x, f"upconv{number}.conv", 3, padding=1)
        if taps:
            tap = taps.pop()
            x = torch.cat([F.interpolate(x, tap.shape[2:], mode="bilinear", align_corners=False), tap], 1)
    scores = x
    for number, padding in ((0, 1), (2, 1), (4, 1), (6, 0)):
        scores = F.relu(net.conv(scores, f"conv_cls.{number}", padding=padding))
    return net.conv(scores, "conv_cls.8"), x


def refine(state, scores, features):
    """Returns the refiner's scores (b, 1, h, w)."""
    net, x, total = Layers(state), torch.cat([scores, features], 1), 0
    for number in (0, 3, 6):
        x = net.conv_norm_relu(x, "last_conv", number, padding=1)
    for branch, dilation in ((1, 6), (2, 12), (3, 18), (4, 24)):
        y = net.conv_norm_relu(x, f"aspp{branch}", 0, padding=dilation, dilation=dilation)
        total = total + net.conv(net.conv_norm_relu(y, f"aspp{branch}", 3), f"aspp{branch}.6")
    return total


def random_state(model):
    """Weights under which scores leave [0, 1] on both sides, as published ones do on paper and ink."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.05, 0.2)
    return {f"module.{key}": value for key, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("craft")
    torch.save(random_state(Vgg16Bn()), folder / "craft_mlt_25k.pth")
    torch.save(random_state(LinkRefiner()), folder / "craft_refiner_CTW1500.pth")
    return folder / "craft_mlt_25k.pth", folder / "craft_refiner_CTW1500.pth"


def load(path):
    return {key.removeprefix("module."): value for key, value in torch.load(path).items()}


def test_maps_equal_the_published_network(files):
    bundle = convert_craft(files[0], name="craft", refiner=files[1])
    pixels = torch.rand(1, 3, 48, 64)
    with torch.no_grad():
        output = bundle.model(pixels)
        scores, features = craft(load(files[0]), pixels)
        line = refine(load(files[1]), scores, features)
    found = logits_to_scores(torch.stack((output.region, output.affinity), 1))
    torch.testing.assert_close(found, scores, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(logits_to_scores(output.line), line[:, 0], atol=1e-4, rtol=1e-3)
    assert scores.min() < 0, "else nothing shows that scores outside of [0, 1] keep their value"


@pytest.mark.parametrize("with_refiner", [False, True])
def test_the_bundle_finds_what_it_can(files, tmp_path, with_refiner):
    arguments = ["craft", str(files[0]), "--output", str(tmp_path / "craft"), "--half"]
    assert main([*arguments, "--refiner", str(files[1])] if with_refiner else arguments) == 0
    finder = LineFinder(Bundle.load(tmp_path / "craft", kind="detector"))
    assert finder.settings.with_refiner == with_refiner
    page = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    output, factor = finder.maps(page)
    assert output.region.shape == (1, 30, 45) and factor.tolist() == [1.5, 1.5]
    assert isinstance(finder.find(page), list)


@pytest.mark.parametrize(
    ("content", "message", "why"),
    [
        (None, "craft.pth: cannot be read (No such file or directory)", "missing"),
        (b"", "craft.pth: not a file of weights", "empty"),
        (b"<html>", "craft.pth: ", "a web page instead of the file"),
        ([1, 2], "craft.pth: holds no weights by name but list", "no dictionary"),
        ({"a": len}, "craft.pth: holds more than weights", "code"),
        ({"module.a": torch.zeros(1)}, "craft.pth: does not fit (Missing key(s)", "another network"),
        ({"conv_cls.8.bias": torch.zeros(9)}, "craft.pth: does not fit", "parts of it"),
    ],
)
def test_what_cannot_be_converted_costs_one_line(tmp_path, capsys, content, message, why):
    path = tmp_path / "craft.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    assert main(["craft", str(path), "--output", str(tmp_path / "out")]) == 2, why
    err = capsys.readouterr().err
    assert err.startswith("error: ") and message in err and err.count("\n") == 1 and len(err) < 400


def test_a_refiner_of_another_kind_is_named(files, tmp_path, capsys):
    assert main(["craft", str(files[0]), "--output", str(tmp_path / "out"), "--refiner", str(files[0])]) == 2
    assert "craft_mlt_25k.pth: does not fit" in capsys.readouterr().err


def test_a_destination_that_cannot_be_made_is_named(files, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["craft", str(files[0]), "--output", str(tmp_path / "file" / "out")]) == 2
    assert f"{tmp_path}/file/out: cannot be written (Not a directory)" in capsys.readouterr().err
