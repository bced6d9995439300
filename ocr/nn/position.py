"""Position information for tokens on a grid and along a text."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from ocr.errors import ConfigError
from ocr.nn.depthwise import RowConvolution


def sinusoid(length: int, dim: int, *, device: torch.device | None = None) -> torch.Tensor:
    """(length, dim) sines and cosines of geometric wavelengths (Vaswani et al. 2017)."""
    table = torch.zeros(length, dim, device=device)
    if table.is_meta:
        return table  # It has no values, and PyTorch would load its compiler to compute them.
    position = torch.arange(length, dtype=torch.float32, device=device)[:, None]  # (length, 1)
    rate = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32, device=device) * (-math.log(1e4) / dim))
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


class SinusoidPosition(nn.Module):
    """Position as fixed sinusoids: half of the channels tell the column, half the row (all the column if one row)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim % 4:
            raise ConfigError(f"sinusoid position needs a width divisible by 4, got {dim}")
        self.dim = dim

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        """grid: (b, d, h, w) -> same, positions added."""
        _, d, h, w = grid.shape
        if h == 1:
            table = sinusoid(w, d, device=grid.device).T[:, None, :]  # (d, 1, w)
        else:
            columns = sinusoid(w, d // 2, device=grid.device).T[:, None, :].expand(-1, h, -1)  # (d / 2, h, w)
            rows = sinusoid(h, d // 2, device=grid.device).T[:, :, None].expand(-1, -1, w)  # (d / 2, h, w)
            table = torch.cat((columns, rows))  # (d, h, w)
        return grid + table.to(grid.dtype)


class LearnedPosition(nn.Module):
    """A learned table of `height` x `width` positions, resampled bicubically to any other grid (as DeiT does)."""

    def __init__(self, dim: int, height: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(1, dim, height, width))
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        """grid: (b, d, h, w) -> same, positions added."""
        table = self.table  # (1, d, h, w)
        if table.shape[-2:] != grid.shape[-2:]:
            table = F.interpolate(table.float(), grid.shape[-2:], mode="bicubic", align_corners=False)
        return grid + table.to(grid.dtype)


class ConditionalPosition(nn.Module):
    """Residual depthwise convolution over the token grid (CPVT, Chu et al. 2021).

    Tokens learn where they are from their neighbors (and from the zero border), so any height and width work.
    """

    def __init__(self, dim: int, *, kernel_height: int = 1, kernel_width: int = 7) -> None:
        super().__init__()
        padding = (kernel_height // 2, kernel_width // 2)
        self.conv = nn.Conv2d(dim, dim, (kernel_height, kernel_width), padding=padding, groups=dim)

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        """grid: (b, d, h, w), zero where invalid -> same shape."""
        weight, bias = self.conv.weight, self.conv.bias
        fast = grid.device.type == "cpu" and grid.dtype == torch.bfloat16 and torch.is_grad_enabled()
        if fast and weight.shape[2] == 1:
            return grid + RowConvolution.apply(grid, weight.to(grid.dtype), bias.to(grid.dtype))
        return grid + self.conv(grid)
