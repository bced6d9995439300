"""Validity masks that keep padding from ever reaching a result."""

from __future__ import annotations

import torch


def valid_columns(widths: torch.Tensor, columns: int) -> torch.Tensor:
    """Mask of the first `widths[i]` of `columns` columns.

    Args:
        widths: (b,) integer counts.
        columns: padded count.
    Returns:
        (b, columns) bool, True where valid.
    """
    return torch.arange(columns, device=widths.device)[None, :] < widths[:, None]


def zero_padding(x: torch.Tensor, widths: torch.Tensor) -> torch.Tensor:
    """Set all columns of row i from `widths[i]` on to zero; training on a CPU changes `x` itself.

    There, writing the few columns of padding costs a twentieth of multiplying the whole map by a mask.

    Args:
        x: (b, c, h, w), not needed by the operation that made it. widths: (b,) integer counts.
    Returns:
        (b, c, h, w).
    """
    if x.device.type == "cpu" and torch.is_grad_enabled():
        return _ZeroPadding.apply(x, widths.tolist())
    return x * valid_columns(widths, x.shape[-1])[:, None, None, :]


class _ZeroPadding(torch.autograd.Function):
    """Zeros in the padding, in place; no gradient flows there."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, widths: list[int]) -> torch.Tensor:
        ctx.mark_dirty(x)
        ctx.widths = widths
        return _clear(x, widths)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _clear(gradient.clone(), ctx.widths), None


def _clear(x: torch.Tensor, widths: list[int]) -> torch.Tensor:
    for row, width in zip(x, widths, strict=True):
        row[..., width:] = 0
    return x


def ceil_div(value: torch.Tensor, divisor: int) -> torch.Tensor:
    """Integer division rounding up: how many strided columns a width covers."""
    return torch.div(value + divisor - 1, divisor, rounding_mode="floor")
