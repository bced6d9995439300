"""Depthwise convolution along rows, with a backward pass that is fast in bfloat16 on CPUs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_input


class RowConvolution(torch.autograd.Function):
    """One filter per channel, one pixel high; the result is as wide as the grid.

    PyTorch's own gradient of the filters takes three times as long as all that is done here.
    """

    @staticmethod
    def forward(ctx, grid: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """grid: (b, d, h, w); weight: (d, 1, 1, k), k odd; bias: (d,). Returns (b, d, h, w)."""
        ctx.save_for_backward(grid, weight)
        return F.conv2d(grid, weight, bias, padding=(0, weight.shape[-1] // 2), groups=len(weight))

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """gradient: (b, d, h, w). Returns the gradients of grid, weight and bias."""
        grid, weight = ctx.saved_tensors
        taps = weight.shape[-1]
        padding = (0, taps // 2)
        to_grid = conv2d_input(grid.shape, weight, gradient, padding=padding, groups=len(weight))
        # Channels last, where a product and its sum over all places run through memory in order.
        padded = F.pad(grid.permute(0, 2, 3, 1), (0, 0, taps // 2, taps // 2))  # (b, h, w + k - 1, d)
        gradient = gradient.permute(0, 2, 3, 1).contiguous()  # (b, h, w, d)
        width = gradient.shape[2]
        products = [(padded[:, :, tap : tap + width] * gradient).sum((0, 1, 2)) for tap in range(taps)]
        to_weight = torch.stack(products, dim=1)[:, None, None, :]  # (d, 1, 1, k)
        return to_grid, to_weight, gradient.sum((0, 1, 2))
