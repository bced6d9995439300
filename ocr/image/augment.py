"""Batched augmentation of line images, on the CPU or the GPU, each line by its own random numbers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ocr.nn.masking import valid_columns
from ocr.types import ImageBatch


class LineAugment(nn.Module):
    """Slant, scale, wobble, stroke width, blur, contrast, noise, resolution loss and erased spots.

    All geometry happens in one resampling. Padding stays exactly zero and widths follow the stretch. Values
    are ink in [0, 1]. A strength of 0 switches its effect off.

    Args:
        slant: largest shear, pixels sideways a pixel of height. stretch: largest relative change of the width.
        scale: largest relative change of the height. shift: largest vertical move, share of the height.
        rotation: largest slope of the line, radians at the aspect of the line. wobble: elastic displacement,
            pixels. stroke: chance that strokes are thickened or thinned. blur: chance of blur. noise: largest
            standard deviation. contrast: largest relative change. resolution: chance of losing resolution.
            erase: chance of an erased strip or spot. rule: chance of a horizontal rule. identity: share of
            lines left alone. multiple: padded widths are a multiple of it.
    """

    def __init__(
        self,
        *,
        slant: float = 0.35,
        stretch: float = 0.2,
        scale: float = 0.15,
        shift: float = 0.08,
        rotation: float = 0.01,
        wobble: float = 1.2,
        stroke: float = 0.3,
        blur: float = 0.25,
        noise: float = 0.08,
        contrast: float = 0.3,
        resolution: float = 0.15,
        erase: float = 0.2,
        rule: float = 0.1,
        identity: float = 0.1,
        multiple: int = 16,
    ) -> None:
        super().__init__()
        self.slant, self.stretch, self.scale, self.shift = slant, stretch, scale, shift
        self.rotation, self.wobble, self.stroke, self.blur = rotation, wobble, stroke, blur
        self.noise, self.contrast, self.resolution = noise, contrast, resolution
        self.erase, self.rule, self.identity = erase, rule, identity
        self.multiple = multiple

    @torch.no_grad()
    def forward(self, images: ImageBatch, generator: torch.Generator) -> ImageBatch:
        """pixels: (b, 1, h, w) in [0, 1]; generator on the same device. Returns a batch of the same kind."""
        draw = _Draw(len(images), images.pixels.device, generator)
        changed = draw.chance(1 - self.identity)
        x, widths = self._geometry(images, draw, changed)
        for effect in (self._resolution, self._stroke, self._blur, self._ink, self._rule, self._erase):
            x = effect(x, draw, changed)
        mask = valid_columns(widths, x.shape[-1])[:, None, None, :]
        return ImageBatch(x.clamp(0, 1) * mask, widths)

    def _geometry(
        self, images: ImageBatch, draw: _Draw, changed: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Slant, scale, shift, slope, stretch and wobble in one bilinear resampling."""
        x, widths = images.pixels, images.widths
        b, _, h, w = x.shape
        on = changed.float()
        stretch = 1 + on * self.stretch * draw.uniform()
        slant, scale = on * self.slant * draw.uniform(), 1 + on * self.scale * draw.uniform()
        shift, slope = on * self.shift * h * draw.uniform(), on * self.rotation * draw.uniform()
        # Slanted ink leans out of the crop: widen it by half of what the top moves on each side.
        room = slant.abs() * h / 2
        new_widths = (widths * stretch + room).round().long().clamp(min=8)
        out_w = -(-int(new_widths.max()) // self.multiple) * self.multiple
        ys = torch.arange(h, device=x.device, dtype=torch.float32) + 0.5 - h / 2
        xs = torch.arange(out_w, device=x.device, dtype=torch.float32) + 0.5
        row, column = ys[None, :, None], xs[None, None, :]
        across = (column - new_widths[:, None, None] / 2) / stretch[:, None, None]
        source_x = across + slant[:, None, None] * row + widths[:, None, None] / 2
        source_y = (row - shift[:, None, None]) / scale[:, None, None] + slope[:, None, None] * across + h / 2
        if self.wobble:
            field = draw.normal(2, 3, max(2, out_w // 24)) * self.wobble * on[:, None, None, None]
            field = F.interpolate(field, (h, out_w), mode="bilinear", align_corners=True)
            source_x, source_y = source_x + field[:, 0], source_y + field[:, 1]
        grid = torch.stack((source_x.expand(b, h, out_w) * (2 / w) - 1, source_y * (2 / h) - 1), dim=-1)
        return F.grid_sample(x, grid, padding_mode="zeros", align_corners=False), new_widths

    def _resolution(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Some lines are shrunk and enlarged again, as after a careless scan."""
        lost = changed & draw.chance(self.resolution)
        if not self.resolution or not lost.any():
            return x
        small = F.interpolate(x[lost], scale_factor=0.55, mode="bilinear", antialias=True)
        x = x.clone()
        x[lost] = F.interpolate(small, x.shape[-2:], mode="bilinear")
        return x

    def _stroke(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Thicker by local maxima, thinner by local minima, mixed by a random amount."""
        amount = draw.uniform() * (changed & draw.chance(self.stroke)).float()
        if not self.stroke:
            return x
        for rows, sign in ((amount > 0, 1.0), (amount < 0, -1.0)):
            if rows.any():
                other = sign * F.max_pool2d(sign * x[rows], 3, stride=1, padding=1)
                x = x.clone() if sign > 0 else x
                x[rows] = torch.lerp(x[rows], other, amount[rows].abs()[:, None, None, None])
        return x

    def _blur(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """A 3x3 or 5x5 box, mixed in."""
        rows = changed & draw.chance(self.blur)
        if not self.blur or not rows.any():
            return x
        soft = F.avg_pool2d(x[rows], 3, stride=1, padding=1)
        amount = draw.uniform()[rows].abs()[:, None, None, None]
        x = x.clone()
        x[rows] = torch.lerp(x[rows], soft, amount)
        return x

    def _ink(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Gamma, contrast, a grey veil, noise."""
        on = changed.float()[:, None, None, None]
        gamma = torch.exp(self.contrast * draw.uniform()[:, None, None, None] * on)
        gain = 1 + self.contrast * draw.uniform()[:, None, None, None] * on
        x = x.clamp(1e-4, 1).pow(gamma) * gain
        deviation = self.noise * draw.uniform().abs()[:, None, None, None] * on
        return x + draw.normal(*x.shape[1:]) * deviation

    def _rule(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """A thin horizontal rule through some lines, below the middle."""
        h = x.shape[-2]
        at = ((0.75 + 0.2 * draw.uniform()) * h).long().clamp(0, h - 1)
        ink = (0.2 + 0.4 * draw.uniform().abs()) * (changed & draw.chance(self.rule)).float()
        rows = torch.arange(h, device=x.device)[None, :] == at[:, None]
        return torch.maximum(x, (rows * ink[:, None])[:, None, :, None])

    def _erase(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """One rectangle of paper or of ink-grey a line, a few pixels wide."""
        h, w = x.shape[-2:]
        on = changed & draw.chance(self.erase)
        wide, high = 2 + 8 * draw.uniform().abs(), h * (0.1 + 0.9 * draw.uniform().abs())
        left, top = (draw.uniform() + 1) / 2 * w, (draw.uniform() + 1) / 2 * h - high / 2
        columns = torch.arange(w, device=x.device)[None, :] - left[:, None]
        rows = torch.arange(h, device=x.device)[None, :] - top[:, None]
        inside_x = (columns >= 0) & (columns < wide[:, None]) & on[:, None]
        inside_y = (rows >= 0) & (rows < high[:, None])
        spot = inside_y[:, None, :, None] & inside_x[:, None, None, :]
        fill = (draw.uniform() > 0.6).float()[:, None, None, None] * 0.7
        return torch.where(spot, fill.to(x.dtype), x)


class _Draw:
    """Random numbers for the rows of a batch."""

    def __init__(self, rows: int, device: torch.device, generator: torch.Generator) -> None:
        self.rows, self.device, self.generator = rows, device, generator

    def uniform(self) -> torch.Tensor:
        """(b,) in [-1, 1)"""
        return torch.rand(self.rows, device=self.device, generator=self.generator) * 2 - 1

    def chance(self, probability: float) -> torch.Tensor:
        """(b,) bool, True with the given probability."""
        return torch.rand(self.rows, device=self.device, generator=self.generator) < probability

    def normal(self, *shape: int) -> torch.Tensor:
        """(b, *shape) standard normal."""
        return torch.randn(self.rows, *shape, device=self.device, generator=self.generator)
