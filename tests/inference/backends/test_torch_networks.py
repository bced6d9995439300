import pytest
import torch

from ocr.bundle import Bundle
from ocr.inference.backends import torch_networks
from ocr.inference.recognizer import LineReader

CPU = torch.device("cpu")


@pytest.fixture
def bundle(tiny_recognizer) -> Bundle:
    return Bundle.load(tiny_recognizer)


def test_a_bundle_stays_as_it_is(bundle):
    """It may be saved, or trained further, after a reader was made of it."""
    before = {key: value.clone() for key, value in bundle.model.state_dict().items()}
    LineReader(bundle)
    after = bundle.model.state_dict()
    assert before.keys() == after.keys()
    assert all(
        torch.equal(value, after[key]) and value.dtype == after[key].dtype for key, value in before.items()
    )


@torch.inference_mode()
def test_without_bf16_the_features_are_the_same(bundle, monkeypatch):
    monkeypatch.setattr(torch_networks, "has_bfloat16", lambda device: False)
    model = bundle.model.eval()
    fast = torch_networks.fast_recognizer(model, CPU)
    height = bundle.parts["preprocess"].height
    inputs = torch.rand(2, 1, height, 96), torch.tensor([96, 50])
    expected, found = (net.encoder(*inputs).features for net in (model, fast))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_weights_of_bf16_layers_are_stored_once_and_others_are_shared(bundle, monkeypatch):
    monkeypatch.setattr(torch_networks, "has_bfloat16", lambda device: True)
    fast = torch_networks.fast_recognizer(bundle.model, CPU)
    kinds = {module.weight.dtype for module in fast.modules() if type(module) is torch.nn.Linear}
    assert kinds == {torch.bfloat16}
    assert fast.encoder.norm.weight is bundle.model.encoder.norm.weight


def test_shipped_bundles_have_no_batch_norm_left():
    detector = torch_networks.fast_detector(Bundle.load("image_text_detector_v2").model, CPU)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in detector.modules())
