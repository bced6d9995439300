"""A small residual U-net for CPUs: quarter resolution out, wide context from dilated blocks at 1/32."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, unless `act` is False, ReLU; (b, c_in, h, w) -> (b, c_out, h/s, w/s)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        act: bool = True,
    ) -> None:
        layers = [
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel,
                stride,
                padding=dilation * (kernel // 2),
                dilation=dilation,
                bias=False,
            ),
            nn.BatchNorm2d(out_channels),
        ]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if act else []))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around an identity (He et al. 2016); (b, c, h, w) -> the same shape."""

    def __init__(self, channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, dilation=dilation)
        self.conv2 = ConvNorm(channels, channels, dilation=dilation, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform x (b, c, h, w) into the same shape."""
        return F.relu(x + self.conv2(self.conv1(x)))


class LightUNet(nn.Module):
    """Residual encoder at strides 4, 8, 16 and 32, and a U-net decoder back to 4 (Ronneberger et al. 2015).

    Lines are wide: the blocks at stride 32 are dilated, so a cell sees most of a page's width.

    Args:
        widths: channels at strides 4, 8, 16 and 32. depths: residual blocks there.
        dilations: of the blocks at stride 32, one each. decoder: channels at strides 4, 8 and 16 on the way up.
    """

    stride = 4
    multiple = 32

    def __init__(
        self,
        *,
        stem: int,
        widths: Sequence[int],
        depths: Sequence[int],
        dilations: Sequence[int],
        decoder: Sequence[int],
    ) -> None:
        super().__init__()
        if min(stem, *widths, *depths, *dilations, *decoder, 1) < 1:
            raise ValueError("numbers of channels and blocks, and dilations, start at 1")
        self.stem = nn.Sequential(ConvNorm(3, stem, stride=2), ConvNorm(stem, widths[0], stride=2))
        plans = [(1,) * depth for depth in depths] + [tuple(dilations)]
        self.stages = nn.ModuleList()
        for level, plan in enumerate(plans):
            down = [] if level == 0 else [ConvNorm(widths[level - 1], widths[level], stride=2)]
            blocks = [ResidualBlock(widths[level], dilation=dilation) for dilation in plan]
            self.stages.append(nn.Sequential(*down, *blocks))
        self.channels = decoder[0]
        above = [*decoder[1:], widths[3]]
        self.ups = nn.ModuleList(ConvNorm(above[level] + widths[level], decoder[level]) for level in range(3))
        self.maps = nn.Sequential(ConvNorm(decoder[0], 16, 1), nn.Conv2d(16, 2, 1))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """pixels: (b, 3, h, w) in [0, 1], sides multiples of 32. Returns maps (b, 2, h/4, w/4) logits of region
        and affinity, and features (b, channels, h/4, w/4)."""
        x = self.stem((pixels - 0.5) * 4)  # (b, widths[0], h/4, w/4)
        skips = []
        for stage in self.stages:
            x = stage(x)  # (b, widths[i], h/s, w/s) with s = 4, 8, 16, 32
            skips.append(x)
        x = decode_pyramid(skips, self.ups)  # (b, channels, h/4, w/4)
        return self.maps(x), x


def decode_pyramid(features: Sequence[torch.Tensor], ups: nn.ModuleList) -> torch.Tensor:
    """Run the upward half of a U-net.

    Args:
        features: n + 1 maps (b, c_i, h_i, w_i), finest first.
        ups: n modules; module i takes map i + 1, enlarged, and map i (b, c, h_i, w_i) and gives (b, d_i, h_i, w_i).
    Returns:
        (b, d_0, h_0, w_0).
    """
    x = features[-1]  # (b, c_n, h_n, w_n)
    for skip, up in reversed(list(zip(features[:-1], ups, strict=True))):
        x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        x = up(torch.cat((x, skip), dim=1))  # (b, d_i, h_i, w_i)
    return x
