"""What training on CPUs computes by other means than PyTorch's own has the same results and gradients."""

import pytest
import torch
from torch import nn

from ocr.nn.attention import attend
from ocr.nn.depthwise import RowConvolution
from ocr.nn.masking import valid_columns, zero_padding


def heads(length: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(2, 3, length, 8, generator=generator)


@pytest.mark.parametrize("masked", ["none", "padding", "causal"])
def test_attention_in_bfloat16_is_that_of_float32_forward_and_backward(masked):
    generator = torch.Generator().manual_seed(0)
    tensors = [heads(length, generator) for length in (5, 5, 5)]
    towards = heads(5, generator)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]).bool()[:, None, None, :]
    options = {"none": {}, "padding": {"mask": mask}, "causal": {"causal": True}}[masked]
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        q, k, v = (each.to(dtype, copy=True).requires_grad_() for each in tensors)
        y = attend(q, k, v, **options)
        y.backward(towards.to(dtype))
        results.append([each.float() for each in (y, q.grad, k.grad, v.grad)])
    for expected, found in zip(*results, strict=True):
        assert (found - expected).norm() < 0.02 * expected.norm()


def test_a_row_that_sees_nothing_gives_no_nan():
    q, k, v = (torch.ones(1, 1, 4, 8, dtype=torch.bfloat16).requires_grad_() for _ in range(3))
    y = attend(q, k, v, torch.zeros(1, 1, 1, 4, dtype=torch.bool))
    y.sum().backward()
    assert y.isfinite().all() and q.grad.isfinite().all()


def test_padding_is_zeroed_as_by_a_mask_forward_and_backward():
    widths = torch.tensor([5, 0, 3])
    x = torch.randn(3, 2, 4, 5, requires_grad=True)
    towards = torch.randn(3, 2, 4, 5)
    expected = x * valid_columns(widths, 5)[:, None, None, :]
    (wanted,) = torch.autograd.grad(expected, x, towards)
    before = towards.clone()
    found = zero_padding(x * 1, widths)
    (gradient,) = torch.autograd.grad(found, x, towards)
    assert torch.equal(found, expected) and torch.equal(gradient, wanted)
    assert torch.equal(towards, before), "a gradient may be somebody else's too"
    with torch.no_grad():
        kept = x.clone()
        assert torch.equal(zero_padding(x, widths), expected) and torch.equal(x, kept)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_row_convolution_has_the_gradients_of_a_convolution(layout):
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 6, (1, 7), padding=(0, 3), groups=6).double()
    grid = torch.randn(2, 6, 3, 9, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    towards = torch.randn(2, 6, 3, 9, dtype=torch.float64)
    inputs = (grid, conv.weight, conv.bias)
    expected = conv(grid)
    wanted = torch.autograd.grad(expected, inputs, towards)
    found = RowConvolution.apply(*inputs)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, inputs, towards), wanted)
