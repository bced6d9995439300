"""Stochastic depth."""

from __future__ import annotations

import torch
from torch import nn


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): while training, a random part of the batch skips a residual branch.

    timm's module of this name, draw for draw. It is kept here because importing any part of timm loads all its
    models, which would cost every start of the reader six seconds.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (b, ...), a branch's output. Kept rows are scaled so that the expectation is unchanged."""
        if not self.training or self.rate == 0:
            return x
        keep = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(1 - self.rate)
        return x * keep.div_(1 - self.rate)

    def extra_repr(self) -> str:
        """Describe the layer in the output of `print`."""
        return f"rate={self.rate}"
