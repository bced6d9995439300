"""The detector networks: shapes, names, gradients."""

import pytest
import torch

from ocr.errors import ConfigError
from ocr.models.backbones.timm_unet import TimmUNet
from ocr.models.backbones.vgg16_bn import Vgg16Bn, logits_to_scores, scores_to_logits
from ocr.models.detector import Detector, LineRefiner, LinkRefiner
from tests.helpers.models import make_detector


def craft() -> Detector:
    torch.manual_seed(0)
    return Detector(Vgg16Bn(), LinkRefiner())


@pytest.mark.parametrize(
    ("make", "size"), [(make_detector, 64), (craft, 32)], ids=["light ships", "CRAFT takes published weights"]
)
def test_gradient_reaches_every_parameter(make, size):
    model = make()
    output = model(torch.rand(2, 3, size, size))
    sum(value.square().sum() for value in vars(output).values() if value is not None).backward()
    dead = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not dead


@pytest.mark.parametrize(
    ("height", "width", "reason"),
    [(64, 96, "multiples of 32"), (1, 1, "a single pixel"), (33, 130, "odd sides"), (4, 500, "a sliver")],
)
def test_maps_cover_any_size(height, width, reason):
    output = make_detector().eval()(torch.rand(1, 3, height, width))
    cells = (-(-height // 4), -(-width // 4))
    assert output.region.shape == output.affinity.shape == output.line.shape == (1, *cells), reason
    assert output.extent.shape == (1, 2, *cells) and (output.extent >= 0).all()


@pytest.mark.parametrize("width", [1, 2, 31, 32, 33])
def test_no_convolution_has_an_output_one_column_wide(width):
    """In bf16 such convolutions of stride 2 read memory that was never written, on CPUs with AMX."""
    model = make_detector().eval()
    widths = []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size[1] > 1:
            module.register_forward_hook(lambda _module, _inputs, output: widths.append(output.shape[-1]))
    model(torch.rand(1, 3, 500, width))
    assert min(widths) >= 2


@pytest.mark.parametrize(
    ("network", "decoder", "stride", "reason"),
    [
        ("test_efficientnet", (8, 8, 8), 4, "strides 2 to 32, of which the first is not used"),
        ("test_convnext", (8, 8, 8), 4, "strides 4 to 32"),
    ],
)
def test_a_network_of_timm_is_a_backbone(network, decoder, stride, reason):
    torch.manual_seed(0)
    model = Detector(
        TimmUNet(network=network, decoder=decoder), LineRefiner(decoder[0], hidden=8, dilations=(1,))
    )
    assert (model.stride, model.backbone.multiple) == (stride, 32), reason
    output = model(torch.rand(2, 3, 64, 96))
    sum(value.square().sum() for value in vars(output).values() if value is not None).backward()
    dead = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not dead
    output = model.eval()(torch.rand(1, 3, 33, 130))
    assert output.line.shape == output.region.shape == (1, 9, 33)


@pytest.mark.parametrize(
    ("network", "decoder", "message"),
    [
        ("resnet_1", (8, 8, 8), "resnet_1.*no model of this name"),
        ("hf-hub:someone/resnet18", (8, 8, 8), "no model of this name"),
        ("test_vit", (8, 8, 8), "growing strides"),
        (
            "test_efficientnet",
            (8, 8),
            r"expected 3 numbers, as test_efficientnet has strides \[4, 8, 16, 32\]",
        ),
    ],
)
def test_networks_that_are_no_backbone_are_named(network, decoder, message):
    with pytest.raises(ConfigError, match=message):
        TimmUNet(network=network, decoder=decoder)


def test_no_refiner_no_lines():
    model = Detector(make_detector().backbone).eval()
    output = model(torch.rand(1, 3, 32, 32))
    assert output.line is None and output.extent is None


def test_an_image_does_not_depend_on_its_neighbours():
    model, images = make_detector().eval(), torch.rand(3, 3, 64, 64)
    together, alone = model(images), model(images[1:2])
    assert torch.allclose(together.line[1], alone.line[0], atol=1e-5)


def test_state_dict_is_that_of_published_craft():
    # Slice, layer number and shape from the layer table of CRAFT over torchvision's VGG16-BN numbering.
    convolutions = {
        "slice1": {0: (64, 3), 3: (64, 64), 7: (128, 64), 10: (128, 128)},
        "slice2": {14: (256, 128), 17: (256, 256)},
        "slice3": {20: (256, 256), 24: (512, 256), 27: (512, 512)},
        "slice4": {30: (512, 512), 34: (512, 512), 37: (512, 512)},
    }
    state = Vgg16Bn().state_dict()
    expected = {"basenet.slice5.1.weight": (1024, 512, 3, 3), "basenet.slice5.2.weight": (1024, 1024, 1, 1)}
    for name, layers in convolutions.items():
        for number, shape in layers.items():
            expected[f"basenet.{name}.{number}.weight"] = (*shape, 3, 3)
            expected[f"basenet.{name}.{number + 1}.running_mean"] = shape[:1]
    for number, (wide, middle, out) in enumerate(
        [(1536, 512, 256), (768, 256, 128), (384, 128, 64), (192, 64, 32)], start=1
    ):
        expected[f"upconv{number}.conv.0.weight"] = (middle, wide, 1, 1)
        expected[f"upconv{number}.conv.3.weight"] = (out, middle, 3, 3)
        expected[f"upconv{number}.conv.4.running_var"] = (out,)
    for number, shape in {
        0: (32, 32, 3),
        2: (32, 32, 3),
        4: (16, 32, 3),
        6: (16, 16, 1),
        8: (2, 16, 1),
    }.items():
        expected[f"conv_cls.{number}.weight"] = (*shape, shape[-1])
    assert {key: tuple(state[key].shape) for key in expected if key in state} == expected
    weights = {key for key, value in state.items() if value.ndim == 4}
    assert weights == {key for key, shape in expected.items() if len(shape) == 4}
    # The whole published network.
    assert sum(weight.numel() for weight in Vgg16Bn().parameters()) == 20_770_466


def test_state_dict_is_that_of_published_refiner():
    state = LinkRefiner().state_dict()
    assert state["last_conv.0.weight"].shape == (64, 34, 3, 3)
    for number in range(1, 5):
        shapes = [tuple(state[f"aspp{number}.{layer}.weight"].shape) for layer in (0, 3, 6)]
        assert shapes == [(128, 64, 3, 3), (128, 128, 1, 1), (1, 128, 1, 1)]


def test_scores_become_logits_that_keep_their_thresholds():
    scores = torch.tensor([-0.5, 0.1, 0.4, 0.7, 1.5], requires_grad=True)
    logits = scores_to_logits(scores)
    assert torch.allclose(logits[1:4].sigmoid(), scores[1:4])
    assert (logits.diff() > 0).all()
    torch.testing.assert_close(logits_to_scores(logits), scores)
    logits.sum().backward()
    assert (scores.grad > 1).all()
