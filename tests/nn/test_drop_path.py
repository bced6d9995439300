import pytest
import torch
from timm.layers import DropPath as TimmDropPath

from ocr.nn.drop_path import DropPath


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_equals_timm_draw_for_draw(rate):
    x = torch.rand(64, 3, 5)
    torch.manual_seed(1)
    ours = DropPath(rate).train()(x)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, TimmDropPath(rate).train()(x))
    assert (ours.flatten(1).sum(1) == 0).any(), "some rows are dropped"


def test_does_nothing_outside_training():
    x = torch.rand(4, 2)
    assert DropPath(0.9).eval()(x) is x
