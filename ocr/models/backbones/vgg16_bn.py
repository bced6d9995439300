"""VGG16-BN U-net of CRAFT (Baek et al., Character Region Awareness for Text Detection, 2019).

Written from the paper's layer table. Names follow the published weights (`basenet.slice1..5`, `upconv1..4`,
`conv_cls`), so `Vgg16Bn().load_state_dict(...)` takes them once a `module.` prefix is removed.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

SLICES = (
    # Layers of VGG16-BN (Simonyan and Zisserman 2015) by slice: channels, or "M" for a 2x2 max pool.
    ("slice1", (64, 64, "M", 128, 128)),
    ("slice2", ("M", 256, 256)),
    ("slice3", (256, "M", 512, 512)),
    ("slice4", (512, "M", 512, 512)),
)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class VggSlices(nn.Module):
    """VGG16-BN cut where CRAFT taps it; submodules keep VGG's running layer numbers."""

    def __init__(self) -> None:
        super().__init__()
        number, channels = 0, 3
        for name, plan in SLICES:
            block = nn.Sequential()
            for item in plan:
                if item == "M":
                    block.add_module(str(number), nn.MaxPool2d(2))
                    number += 1
                    continue
                block.add_module(str(number), nn.Conv2d(channels, item, 3, padding=1))
                block.add_module(str(number + 1), nn.BatchNorm2d(item))
                block.add_module(str(number + 2), nn.ReLU(inplace=True))
                number, channels = number + 3, item
            setattr(self, name, block)
        # The published network has no ReLU after its last numbered layer; `del` would renumber the others.
        self.slice4 = nn.Sequential(OrderedDict(list(self.slice4.named_children())[:-1]))
        self.slice5 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(512, 1024, 3, padding=6, dilation=6),
            nn.Conv2d(1024, 1024, 1),
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """x: (b, 3, h, w). Returns taps (b, 128, h/2, w/2), (b, 256, h/4, w/4), (b, 512, h/8, w/8),
        (b, 512, h/16, w/16) and (b, 1024, h/16, w/16)."""
        taps = []
        for block in (self.slice1, self.slice2, self.slice3, self.slice4, self.slice5):
            x = block(x)
            taps.append(x)
        return taps


class DoubleConv(nn.Module):
    """1x1 then 3x3 convolution, each with batch norm and ReLU; (b, c_in, h, w) -> (b, c_out, h, w)."""

    def __init__(self, in_channels: int, middle: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(in_channels, middle, 1),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform x (b, c_in, h, w) into (b, c_out, h, w)."""
        return self.conv(x)


class Vgg16Bn(nn.Module):
    """CRAFT's network; its scores, regressed in [0, 1], come out as logits like those of other backbones."""

    stride = 2
    multiple = 16
    channels = 32

    def __init__(self) -> None:
        super().__init__()
        self.basenet = VggSlices()
        self.upconv1 = DoubleConv(1024 + 512, 512, 256)
        self.upconv2 = DoubleConv(256 + 512, 256, 128)
        self.upconv3 = DoubleConv(128 + 256, 128, 64)
        self.upconv4 = DoubleConv(64 + 128, 64, 32)
        self.conv_cls = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 16, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 16, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 2, 1),
        )
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def scores(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """pixels: (b, 3, h, w) in [0, 1], sides multiples of 16. Returns the published network's own output:
        scores (b, 2, h/2, w/2) around [0, 1], and features (b, 32, h/2, w/2)."""
        tap2, tap4, tap8, tap16, bottom = self.basenet((pixels - self.mean) / self.std)
        x = self.upconv1(torch.cat((bottom, tap16), dim=1))  # (b, 256, h/16, w/16)
        for tap, upconv in ((tap8, self.upconv2), (tap4, self.upconv3), (tap2, self.upconv4)):
            x = F.interpolate(x, size=tap.shape[-2:], mode="bilinear", align_corners=False)
            x = upconv(torch.cat((x, tap), dim=1))  # (b, 16 s, h/s, w/s) with s = 8, 4, 2
        return self.conv_cls(x), x  # (b, 2, h/2, w/2), (b, 32, h/2, w/2)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """pixels: (b, 3, h, w) in [0, 1]. Returns maps (b, 2, h/2, w/2) logits and features (b, 32, h/2, w/2)."""
        scores, features = self.scores(pixels)
        return scores_to_logits(scores), features


def scores_to_logits(scores: torch.Tensor, eps: float = 0.02) -> torch.Tensor:
    """The logit of scores inside [eps, 1 - eps], its tangents outside, so that no gradient vanishes."""
    inner = scores.clamp(eps, 1 - eps)
    return torch.logit(inner) + (scores - inner) / (eps * (1 - eps))


def logits_to_scores(logits: torch.Tensor, eps: float = 0.02) -> torch.Tensor:
    """The inverse of `scores_to_logits`."""
    edge = math.log((1 - eps) / eps)
    inner = logits.clamp(-edge, edge)
    return inner.sigmoid() + (logits - inner) * (eps * (1 - eps))
