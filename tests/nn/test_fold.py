import copy

import pytest
import torch

from ocr.nn.fold import fold_batch_norms
from ocr.nn.patch_embed import ConvStem
from tests.helpers.models import make_detector


def _with_statistics(model: torch.nn.Module) -> torch.nn.Module:
    """Give batch norms the means, variances, weights and biases of a trained model."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for value in (module.running_mean, module.bias.data):
                value.normal_(std=0.2)
            for value in (module.running_var, module.weight.data):
                value.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (
            ConvStem(32, height=16, channels=(8, 16)),
            (torch.rand(2, 1, 16, 40), torch.tensor([40, 21])),
        ),
        (make_detector(), (torch.rand(1, 3, 96, 64),)),
    ],
    ids=["stem, without biases", "detector, with residual blocks"],
)
@torch.inference_mode()
def test_a_folded_model_computes_the_same(model, inputs):
    torch.manual_seed(0)
    model = _with_statistics(model)
    folded = fold_batch_norms(copy.deepcopy(model))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    before, after = model(*inputs), folded(*inputs)
    pairs = zip(*(vars(o).values() if hasattr(o, "region") else o for o in (before, after)), strict=True)
    for expected, found in pairs:
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
