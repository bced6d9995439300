"""Batched augmentation of line images on the CPU or the GPU, with separate random numbers per line."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ocr.errors import ConfigError
from ocr.nn.masking import valid_columns
from ocr.types import ImageBatch

_RESOLUTIONS = (0.4, 0.55, 0.7)
"""Scales to which lines are reduced before they are enlarged again; at 48 pixels, 0.4 is just readable."""


class LineAugment(nn.Module):
    """Slant, scale, wobble, stroke width, blur, shading, contrast, noise, resolution loss and erased spots.

    All geometric changes are done by one resampling. Padding stays exactly zero and widths follow the stretch.
    Values are ink in [0, 1]. A strength of 0 switches its effect off.

    Args:
        slant: largest shear, in pixels sideways per pixel of height.
        stretch: largest change of the width: 0.25 is 1 / 1.25 to 1.25 times.
        scale: largest relative change of the height.
        shift: largest vertical move, share of the height.
        rotation: largest slope of the line, radians at the aspect of the line.
        wobble: elastic displacement, standard deviation in pixels (after Simard et al. 2003, coarse field).
        stroke: chance that strokes are thickened or thinned.
        blur: chance of Gaussian blur.
        contrast: largest relative change of contrast and of gamma.
        brightness: largest uneven offset added to or subtracted from the ink.
        noise: largest standard deviation.
        resolution: chance of losing resolution.
        rule: chance of a horizontal rule.
        erase: chance of an erased or inked strip or spot.
        span: chance that columns of up to the height of the line are blanked, to be inferred from the context.
        identity: share of lines left alone; at 1 the batch is returned as it is.
        multiple: padded widths are a multiple of it.

    Raises:
        ConfigError: a strength out of range.
    """

    def __init__(
        self,
        *,
        slant: float = 0.35,
        stretch: float = 0.25,
        scale: float = 0.15,
        shift: float = 0.08,
        rotation: float = 0.01,
        wobble: float = 1.2,
        stroke: float = 0.3,
        blur: float = 0.25,
        contrast: float = 0.3,
        brightness: float = 0.1,
        noise: float = 0.08,
        resolution: float = 0.15,
        rule: float = 0.1,
        erase: float = 0.2,
        span: float = 0.0,
        identity: float = 0.1,
        multiple: int = 16,
    ) -> None:
        super().__init__()
        chances = {"stroke": stroke, "blur": blur, "resolution": resolution, "rule": rule, "erase": erase}
        chances |= {"span": span, "identity": identity}
        sizes = {"slant": slant, "stretch": stretch, "shift": shift, "rotation": rotation, "wobble": wobble}
        sizes |= {"brightness": brightness, "noise": noise}
        for name, value in (chances | sizes | {"scale": scale, "contrast": contrast}).items():
            if value < 0 or (name in chances and value > 1) or (name in ("scale", "contrast") and value >= 1):
                raise ConfigError(f"augment: {name}={value} is out of range")
        if multiple < 1:
            raise ConfigError(f"augment: multiple={multiple}, expected at least 1")
        self.slant, self.stretch, self.scale, self.shift = slant, stretch, scale, shift
        self.rotation, self.wobble, self.stroke, self.blur = rotation, wobble, stroke, blur
        self.contrast, self.brightness, self.noise = contrast, brightness, noise
        self.resolution, self.rule, self.erase, self.span = resolution, rule, erase, span
        self.identity, self.multiple = identity, multiple

    def draw_stretch(self, rng: np.random.Generator) -> float | None:
        """Draw the factor of one line's width ahead of `forward`, to batch lines that will be of like width.

        Returns 1 for a line to leave alone, None where widths do not change.
        """
        if not self.stretch or self.identity >= 1:
            return None
        if rng.random() < self.identity:
            return 1.0
        return math.exp(math.log1p(self.stretch) * rng.uniform(-1, 1))

    @torch.no_grad()
    def forward(
        self, images: ImageBatch, generator: torch.Generator, stretch: torch.Tensor | None = None
    ) -> ImageBatch:
        """Change each line by its own random numbers.

        Args:
            images: pixels (b, 1, h, w) in [0, 1].
            generator: on the same device.
            stretch: (b,) from `draw_stretch`; None draws here.
        Returns:
            A batch of the same kind.
        """
        if self.identity >= 1 or not len(images):
            return images
        draw = _Draw(len(images), images.pixels.device, generator)
        if stretch is None:
            changed = draw.chance(1 - self.identity)
            stretch = torch.exp(changed.float() * math.log1p(self.stretch) * draw.uniform())
        else:
            changed = stretch != 1
        x, widths = self._geometry(images, stretch, draw, changed)
        x = self._resolution(x, draw, changed)
        x = self._stroke(x, draw, changed)
        x = self._blur(x, draw, changed)
        x = self._ink(x, draw, changed)
        x = self._rule(x, draw, changed)
        x = self._erase(x, widths, draw, changed)
        mask = valid_columns(widths, x.shape[-1])[:, None, None, :]
        return ImageBatch(x.clamp_(0, 1).mul_(mask), widths)

    def _geometry(
        self, images: ImageBatch, stretch: torch.Tensor, draw: _Draw, changed: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Apply slant, scale, shift, slope, stretch and wobble in one bilinear resampling."""
        x, widths = images.pixels, images.widths
        b, _, h, w = x.shape
        on = changed.float()
        slant, scale = on * self.slant * draw.uniform(), 1 + on * self.scale * draw.uniform()
        shift, slope = on * self.shift * h * draw.uniform(), on * self.rotation * draw.uniform()
        # Slanted ink leans out of the crop: widen it by half of what the top moves on each side.
        room = slant.abs() * h / 2
        new_widths = (widths * stretch + room).round().long().clamp(min=8)
        out_w = -(-int(new_widths.max()) // self.multiple) * self.multiple
        row = torch.arange(h, device=x.device)[None, :] + 0.5 - h / 2
        column = torch.arange(out_w, device=x.device)[None, :] + 0.5
        across = (column - new_widths[:, None] / 2) / stretch[:, None]
        # Source of each pixel, x and y in the coordinates of grid_sample (-1 to 1): first the wobble, then the rest.
        if self.wobble:
            size = on.new_tensor([2 / w, 2 / h]) * self.wobble
            field = draw.normal(2, 3, max(2, out_w // 24)) * (size[:, None, None] * on[:, None, None, None])
            field = F.interpolate(field, (h, out_w), mode="bilinear", align_corners=True)
        else:
            field = x.new_zeros(b, 2, h, out_w)
        source_x, source_y = field.unbind(dim=1)
        source_x += ((across + widths[:, None] / 2) * (2 / w) - 1)[:, None, :]
        source_x += (slant[:, None] * row * (2 / w))[:, :, None]
        source_y += (slope[:, None] * across * (2 / h))[:, None, :]
        source_y += ((row - shift[:, None]) / scale[:, None] * (2 / h))[:, :, None]
        grid = field.permute(0, 2, 3, 1)
        return F.grid_sample(x, grid, padding_mode="zeros", align_corners=False), new_widths

    def _resolution(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Reduce and enlarge some lines, as in a scan of low resolution."""
        lost, pick = changed & draw.chance(self.resolution), draw.choice(len(_RESOLUTIONS))
        for index, factor in enumerate(_RESOLUTIONS):
            rows = lost & (pick == index)
            if rows.any():
                small = F.interpolate(x[rows], scale_factor=factor, mode="bilinear", antialias=True)
                x[rows] = F.interpolate(small, x.shape[-2:], mode="bilinear")
        return x

    def _stroke(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Thicken strokes by local maxima or thin them by local minima, mixed by a random amount."""
        amount = draw.uniform() * (changed & draw.chance(self.stroke)).float()
        for rows, extreme in ((amount > 0, torch.maximum), (amount < 0, torch.minimum)):
            if rows.any():
                wide = x[rows]
                for axis in (2, 3):
                    before, after = _shifted(wide, 1, axis)
                    wide = extreme(extreme(before, after), wide)
                x[rows] = torch.lerp(x[rows], wide, amount[rows].abs()[:, None, None, None])
        return x

    def _blur(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Blur by a separable Gaussian of standard deviation 0.3 to 1.2 pixels."""
        rows = changed & draw.chance(self.blur)
        deviation = 0.75 + 0.45 * draw.uniform()
        if not rows.any():
            return x
        taps = torch.exp(-0.5 * (torch.arange(3, device=x.device) / deviation[rows, None]) ** 2)
        taps = taps / (taps[:, :1] + 2 * taps[:, 1:].sum(dim=1, keepdim=True))
        center, near, far = taps[:, :, None, None, None].unbind(dim=1)
        soft = x[rows]
        for axis in (2, 3):
            one, two = _shifted(soft, 1, axis), _shifted(soft, 2, axis)
            soft = soft * center + (one[0] + one[1]) * near + (two[0] + two[1]) * far
        x[rows] = soft
        return x

    def _ink(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Change gamma and contrast, and add an uneven offset and noise."""
        h, w = x.shape[-2:]
        on = changed.float()[:, None, None, None]
        if self.contrast:
            gamma = torch.exp(self.contrast * draw.uniform()[:, None, None, None] * on)
            gain = 1 + self.contrast * draw.uniform()[:, None, None, None] * on
            x = x.clamp_(1e-4, 1).pow_(gamma).mul_(gain)
        if self.brightness:
            coarse = (draw.rand(1, 2, max(2, w // 160)) * 2 - 1) * self.brightness * on
            x += F.interpolate(coarse, (h, w), mode="bilinear", align_corners=True)
        if self.noise:
            x += draw.normal(1, h, w).mul_(self.noise * draw.uniform().abs()[:, None, None, None] * on)
        return x

    def _rule(self, x: torch.Tensor, draw: _Draw, changed: torch.Tensor) -> torch.Tensor:
        """Draw a thin horizontal rule through some lines, below the middle."""
        h = x.shape[-2]
        at = ((0.75 + 0.2 * draw.uniform()) * h).long().clamp(0, h - 1)
        ink = (0.2 + 0.4 * draw.uniform().abs()) * (changed & draw.chance(self.rule)).float()
        index = torch.arange(len(x), device=x.device)
        x[index, 0, at] = torch.maximum(x[index, 0, at], ink[:, None])
        return x

    def _erase(
        self, x: torch.Tensor, widths: torch.Tensor, draw: _Draw, changed: torch.Tensor
    ) -> torch.Tensor:
        """Draw spots or strips of paper or gray ink a few pixels wide, and blanks up to the height of the line."""
        h, w = x.shape[-2:]
        columns, rows = torch.arange(w, device=x.device)[None, :], torch.arange(h, device=x.device)[None, :]
        if self.erase:
            on = changed & draw.chance(self.erase)
            wide, high = 2 + 8 * draw.uniform().abs(), h * (0.1 + 0.9 * draw.uniform().abs())
            left, top = draw.rand() * widths, draw.rand() * h - high / 2
            across = (columns >= left[:, None]) & (columns < (left + wide)[:, None]) & on[:, None]
            down = (rows >= top[:, None]) & (rows < (top + high)[:, None])
            fill = (draw.uniform() > 0.6).float()[:, None, None, None] * 0.7
            x = torch.where(down[:, None, :, None] & across[:, None, None, :], fill, x)
        if self.span:
            on = changed & draw.chance(self.span)
            wide, left = h * draw.rand(), draw.rand() * widths
            across = (columns >= left[:, None]) & (columns < (left + wide)[:, None]) & on[:, None]
            x = x.masked_fill(across[:, None, None, :], 0.0)
        return x


def _shifted(x: torch.Tensor, by: int, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Move x (b, 1, h, w) by `by` pixels forward and back along the axis, with repeated borders."""
    size = x.shape[axis]
    index = torch.arange(size, device=x.device)
    return x.index_select(axis, (index - by).clamp_(min=0)), x.index_select(
        axis, (index + by).clamp_(max=size - 1)
    )


class _Draw:
    """Generator of random numbers for the rows of a batch."""

    def __init__(self, rows: int, device: torch.device, generator: torch.Generator) -> None:
        self.rows, self.device, self.generator = rows, device, generator

    def rand(self, *shape: int) -> torch.Tensor:
        """Draw (b, *shape) uniform in [0, 1)."""
        return torch.rand(self.rows, *shape, device=self.device, generator=self.generator)

    def uniform(self) -> torch.Tensor:
        """Draw (b,) uniform in [-1, 1)."""
        return self.rand() * 2 - 1

    def choice(self, count: int) -> torch.Tensor:
        """Draw (b,) int64 in [0, count)."""
        return torch.randint(count, (self.rows,), device=self.device, generator=self.generator)

    def chance(self, probability: float) -> torch.Tensor:
        """Draw (b,) bool, True with the given probability."""
        return self.rand() < probability

    def normal(self, *shape: int) -> torch.Tensor:
        """Draw (b, *shape) standard normal."""
        return torch.randn(self.rows, *shape, device=self.device, generator=self.generator)
