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


def ceil_div(value: torch.Tensor, divisor: int) -> torch.Tensor:
    """Integer division rounding up: how many strided columns a width covers."""
    return torch.div(value + divisor - 1, divisor, rounding_mode="floor")
