"""Optimizers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn


def adamw(model: nn.Module, *, lr: float, weight_decay: float, betas: Sequence[float]) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) that does not decay biases, norms and other vectors."""
    weights = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, betas=tuple(betas))


def warmup_cosine(
    optimizer: torch.optim.Optimizer, *, total_steps: int, warmup_steps: int, final: float = 0.0
) -> torch.optim.lr_scheduler.LambdaLR:
    """Linear warm-up, then half a cosine down to `final` times the peak at `total_steps`."""

    def rate(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
