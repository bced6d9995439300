"""Interpolation between the weights of two bundles."""

from copy import deepcopy

import pytest
import torch

from ocr.bundle import Bundle
from ocr.bundle.blend import blend
from ocr.commands import main
from ocr.errors import BundleError, ConfigError


@pytest.fixture
def bundles(tiny_recognizer):
    start = Bundle.load(tiny_recognizer)
    adapted = deepcopy(start)
    adapted.name, adapted.metrics = "adapted", {"hand": {"cer": 1.0}}
    with torch.no_grad():
        for weight in adapted.model.parameters():
            weight += 1
    return start, adapted


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_weights_lie_between_those_of_both(bundles, share):
    start, adapted = bundles
    mixed = blend(start, adapted, share=share)
    assert (mixed.name, mixed.metrics) == ("adapted", {}), "metrics of other weights do not hold"
    for before, after in zip(start.model.parameters(), mixed.model.parameters(), strict=True):
        assert torch.allclose(after - before, torch.full_like(before, share), atol=1e-5)
    for before, after in zip(adapted.model.parameters(), bundles[1].model.parameters(), strict=True):
        assert torch.equal(before, after), "the bundles that are mixed stay as they are"


def test_the_command_writes_a_bundle(bundles, tmp_path, capsys):
    start, adapted = bundles
    folders = [str(bundle.save(tmp_path / name)) for bundle, name in ((start, "a"), (adapted, "b"))]
    assert main(["blend", *folders, "--share", "0.5", "--output", str(tmp_path / "mixed")]) == 0
    mixed = Bundle.load(tmp_path / "mixed")
    weight = next(mixed.model.parameters())
    assert torch.allclose(weight, next(start.model.parameters()) + 0.5, atol=1e-2)


def test_what_does_not_fit_is_told(bundles):
    start, adapted = bundles
    with pytest.raises(ConfigError, match="share=2"):
        blend(start, adapted, share=2)
    adapted.model_config = {**adapted.model_config, "ctc_head": False}
    with pytest.raises(BundleError, match="adapted was not adapted from"):
        blend(start, adapted, share=0.5)
