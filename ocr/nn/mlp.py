"""The position-wise feed-forward network of a Transformer block."""

from __future__ import annotations

import torch
from torch import nn


class Mlp(nn.Module):
    """Linear, activation, linear; parameter names follow timm's ViT.

    Args:
        dim: width in and out. hidden: inner width. dropout: after each linear layer. act: None for GELU.
    """

    def __init__(self, dim: int, hidden: int, *, dropout: float = 0.0, act: nn.Module | None = None) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = act or nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (..., d) -> (..., d)"""
        return self.drop(self.fc2(self.drop(self.act(self.fc1(x)))))
