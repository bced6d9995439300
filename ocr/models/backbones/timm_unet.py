"""A network of timm as the encoder of a U-net (Ronneberger et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ocr.errors import ConfigError
from ocr.models.backbones.light import ConvNorm, decode_pyramid

FINEST = 4
"""Input pixels per cell of the finest maps that are used: finer ones cost time and add little to lines of text."""


class TimmUNet(nn.Module):
    """A convolutional network of timm by name, and a U-net decoder back to the finest stride of at least 4.

    Weights are drawn anew; those of a trained detector come with its bundle. timm is imported when an object is made:
    it takes seconds to load, which reading with other backbones does not pay for.

    Args:
        network: name of a timm model that offers `features_only` with maps (b, c, h, w) at growing strides, such as
            `resnet18`, `mobilenetv3_small_050` or `convnext_atto`.
        decoder: channels on the way up, finest first, one per stride but the coarsest.
    Raises:
        ConfigError: timm has no such model, it offers no such maps, or `decoder` has another number of them.
    """

    def __init__(self, *, network: str, decoder: Sequence[int]) -> None:
        super().__init__()
        import timm

        # Names such as hf-hub:... would be downloaded.
        if not timm.is_model(network):
            raise ConfigError(f"network={network!r}: timm has no model of this name")
        try:
            self.encoder = timm.create_model(network, pretrained=False, features_only=True)
        except (RuntimeError, AttributeError, TypeError, KeyError) as error:
            raise ConfigError(f"network={network!r}: offers no features_only ({error})") from error
        strides, channels = self.encoder.feature_info.reduction(), self.encoder.feature_info.channels()
        self.first = next((level for level, stride in enumerate(strides) if stride >= FINEST), len(strides))
        strides, channels = strides[self.first :], channels[self.first :]
        if len(strides) < 2 or any(b <= a for a, b in zip(strides, strides[1:], strict=False)):
            raise ConfigError(f"network={network!r}: its maps do not have growing strides from {FINEST} on")
        if len(decoder) != len(strides) - 1:
            raise ConfigError(
                f"decoder={list(decoder)}: expected {len(strides) - 1} numbers, as {network} has strides {strides}"
            )
        self.stride, self.multiple, self.channels = strides[0], strides[-1], decoder[0]
        below = [*decoder[1:], channels[-1]]
        self.ups = nn.ModuleList(
            ConvNorm(coarse + skip, out)
            for coarse, skip, out in zip(below, channels[:-1], decoder, strict=True)
        )
        self.maps = nn.Sequential(ConvNorm(decoder[0], 16, 1), nn.Conv2d(16, 2, 1))
        for name in ("mean", "std"):
            values = torch.tensor(self.encoder.pretrained_cfg[name]).view(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """pixels: (b, 3, h, w) in [0, 1], sides multiples of `multiple`. Returns maps (b, 2, h/s, w/s) logits of
        region and affinity, and features (b, channels, h/s, w/s) with s = `stride`."""
        features = self.encoder((pixels - self.mean) / self.std)  # (b, c_i, h/s_i, w/s_i), finest first
        x = decode_pyramid(features[self.first :], self.ups)  # (b, channels, h/s, w/s)
        return self.maps(x), x
