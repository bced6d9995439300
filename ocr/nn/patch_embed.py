"""Embedding of pixels as a grid of tokens: linear patches as in ViT, or a small convolutional stem."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ocr.nn.masking import ceil_div, zero_padding


class LinearPatchEmbed(nn.Module):
    """Non-overlapping patches, one linear map (Dosovitskiy et al. 2021). `proj` is named as in timm.

    Args:
        dim: token width. patch: (height, width) in pixels. in_channels: image channels.
    """

    def __init__(self, dim: int, *, patch: Sequence[int] = (16, 16), in_channels: int = 1) -> None:
        super().__init__()
        self.patch_height, self.stride = patch
        self.proj = nn.Conv2d(in_channels, dim, tuple(patch), stride=tuple(patch))

    def forward(self, pixels: torch.Tensor, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """pixels: (b, c, h, w), any h and w (zero-padded up to whole patches); widths: (b,).

        Returns the token grid (b, d, h / ph, w / pw) and valid columns (b,).
        """
        h, w = pixels.shape[-2:]
        pad_h, pad_w = -h % self.patch_height, -w % self.stride
        pixels = nn.functional.pad(pixels, (0, pad_w, 0, pad_h))  # (b, c, h, w), whole patches
        return self.proj(pixels), ceil_div(widths, self.stride)


class ConvStem(nn.Module):
    """3x3 stride-2 convolutions, then one convolution that folds what is left of the height into a column.

    Trains far better from scratch than linear patches (Xiao et al. 2021, "Early convolutions"). Each layer
    is masked, so that a line's tokens do not depend on how far it was padded.

    Args:
        dim: token width. height: image height in pixels, divisible by 2 ** len(channels).
        channels: width of each stride-2 layer; the horizontal stride is 2 ** len(channels).
        extra: residual 3x3 convolutions after the last stride-2 layer.
    """

    def __init__(self, dim: int, *, height: int, channels: Sequence[int], extra: int = 1) -> None:
        super().__init__()
        self.stride = 2 ** len(channels)
        inputs = (1, *channels[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(o), nn.GELU())
            for i, o in zip(inputs, channels, strict=True)
        )
        last = channels[-1]
        self.extra = nn.ModuleList(
            nn.Sequential(nn.Conv2d(last, last, 3, padding=1, bias=False), nn.BatchNorm2d(last), nn.GELU())
            for _ in range(extra)
        )
        self.column = nn.Conv2d(last, dim, (height // self.stride, 1))

    def forward(self, pixels: torch.Tensor, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """pixels: (b, 1, h, w); widths: (b,). Returns tokens (b, d, 1, w / stride) and valid columns (b,)."""
        x = pixels
        for layer in self.down:
            x = layer(x)  # (b, channels[i], h / 2, w / 2) of the layer before
            widths = ceil_div(widths, 2)
            x = zero_padding(x, widths)
        for layer in self.extra:
            x = zero_padding(x + layer(x), widths)  # (b, channels[-1], h / stride, w / stride)
        return self.column(x), widths
