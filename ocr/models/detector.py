"""The text detector: character heat maps (CRAFT, Baek et al. 2019) and a refiner that draws whole lines."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ocr.models.backbones.light import ConvNorm
from ocr.models.backbones.vgg16_bn import logits_to_scores, scores_to_logits

EXTENT_UNIT = 16.0
"""Input pixels that an extent channel's softplus counts by: about a line's ascent, so outputs stay near 1."""


@dataclass
class DetectorOutput:
    """Maps at 1/stride of the input, (b, ceil(h/s), ceil(w/s)) each.

    `region`: logits of character centers. `affinity`: logits of the gaps between characters of a word.
    `line`: logits of the core of each text line, a band on the baseline that never touches its neighbors;
    None without a refiner. `extent`: (b, 2, h/s, w/s) input pixels >= 0 from a cell's center to the top and to
    the bottom edge of its line, meaningful inside the core; None where the refiner does not predict it.
    """

    region: torch.Tensor
    affinity: torch.Tensor
    line: torch.Tensor | None = None
    extent: torch.Tensor | None = None


class LineRefiner(nn.Module):
    """Line core and extents from the backbone's features and character maps.

    Args:
        channels: of the backbone's features. hidden: of the refiner.
        dilations: of its 3x3 convolutions, one layer each.
    """

    def __init__(self, channels: int, *, hidden: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        layers, width = [], channels + 2
        for dilation in dilations:
            layers.append(ConvNorm(width, hidden, dilation=dilation))
            width = hidden
        self.layers = nn.Sequential(*layers)
        self.out = nn.Conv2d(hidden, 3, 1)
        # Most cells lie outside lines.
        nn.init.constant_(self.out.bias[:1], -2.0)

    def forward(self, maps: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """maps: (b, 2, h, w) logits; features: (b, c, h, w). Returns line logits (b, h, w) and extents
        (b, 2, h, w) in input pixels."""
        # The line loss teaches the features; character maps have their own targets.
        x = torch.cat((features, maps.detach().sigmoid()), dim=1)  # (b, c + 2, h, w)
        out = self.out(self.layers(x)).float()  # (b, 3, h, w)
        return out[:, 0], F.softplus(out[:, 1:]) * EXTENT_UNIT


class LinkRefiner(nn.Module):
    """CRAFT's link refiner: four dilated branches summed (`last_conv`, `aspp1..4` as in its published weights).

    It takes scores, regressed around [0, 1], and gives such scores, here as logits. It predicts no extents.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.last_conv = nn.Sequential(
            *_conv_norm(channels + 2, 64, 3), *_conv_norm(64, 64, 3), *_conv_norm(64, 64, 3)
        )
        for number, dilation in enumerate((6, 12, 18, 24), start=1):
            branch = nn.Sequential(
                *_conv_norm(64, 128, 3, dilation=dilation), *_conv_norm(128, 128, 1), nn.Conv2d(128, 1, 1)
            )
            setattr(self, f"aspp{number}", branch)

    def forward(self, maps: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, None]:
        """maps: (b, 2, h, w) logits; features: (b, c, h, w). Returns line logits (b, h, w) and None."""
        x = self.last_conv(torch.cat((logits_to_scores(maps), features), dim=1))  # (b, 64, h, w)
        summed = self.aspp1(x) + self.aspp2(x) + self.aspp3(x) + self.aspp4(x)  # (b, 1, h, w)
        return scores_to_logits(summed[:, 0].float()), None


class Detector(nn.Module):
    """A backbone with character maps and, unless None, a refiner for lines.

    Args:
        backbone: see `ocr.models.backbones`. refiner: `(maps, features) -> (line, extent | None)`.
    """

    def __init__(self, backbone: nn.Module, refiner: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.refiner = refiner

    @property
    def stride(self) -> int:
        """Input pixels a cell of the maps."""
        return self.backbone.stride

    def forward(self, pixels: torch.Tensor) -> DetectorOutput:
        """pixels: (b, 3, h, w) RGB in [0, 1], any size. Returns maps of (b, ceil(h/s), ceil(w/s))."""
        height, width = pixels.shape[-2:]
        multiple, stride = self.backbone.multiple, self.backbone.stride
        maps, features = self.backbone(
            pad_pixels(pixels, multiple)
        )  # (b, 2, h / s, w / s), (b, c, h / s, w / s)
        rows, columns = -(-height // stride), -(-width // stride)
        line = extent = None
        if self.refiner is not None:
            line, extent = self.refiner(maps, features)  # (b, h / s, w / s), (b, 2, h / s, w / s)
            line = line[:, :rows, :columns]
            extent = None if extent is None else extent[:, :, :rows, :columns]
        maps = maps[:, :, :rows, :columns].float()  # (b, 2, rows, columns)
        return DetectorOutput(maps[:, 0], maps[:, 1], line, extent)


def pad_pixels(pixels: torch.Tensor, multiple: int, *, min_rows: int = 1) -> torch.Tensor:
    """Pad a page (b, c, h, w) below and to the right, until its sides are multiples of `multiple`.

    Args:
        min_rows: height in multiples that is reached at least. The width reaches two, as bf16 convolutions of stride
            2 read memory outside of a map one or two columns wide (oneDNN 3.13, AMX).
    """
    height, width = pixels.shape[-2:]
    rows = max(height + -height % multiple, min_rows * multiple)
    columns = max(width + -width % multiple, 2 * multiple)
    # Repeating the border adds no edge that could look like ink.
    return F.pad(pixels, (0, columns - width, 0, rows - height), mode="replicate")


def _conv_norm(in_channels: int, out_channels: int, kernel: int, *, dilation: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, kernel, padding=dilation * (kernel // 2), dilation=dilation),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]
