"""Losses of the recognizer."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def ctc_loss(logits: torch.Tensor, lengths: torch.Tensor, targets: list[list[int]]) -> torch.Tensor:
    """Connectionist temporal classification (Graves et al. 2006), mean over lines of nats per character.

    Lines whose text cannot fit their columns contribute zero. Computed in float32.

    Args:
        logits: (b, t, v), blank at 0. lengths: (b,) valid columns. targets: b lists of ids, none 0.
    """
    log_probs = logits.float().log_softmax(-1).transpose(0, 1)
    target_lengths = torch.tensor([len(ids) for ids in targets], device=logits.device)
    flat = torch.tensor([i for ids in targets for i in ids], dtype=torch.long, device=logits.device)
    return F.ctc_loss(log_probs, flat, lengths, target_lengths, blank=0, zero_infinity=True)


def token_loss(
    logits: torch.Tensor, targets: torch.Tensor, *, label_smoothing: float = 0.0, pad: int = 0
) -> torch.Tensor:
    """Cross-entropy of the next token, mean over non-padding positions, in float32.

    Args:
        logits: (b, l, v). targets: (b, l) int64, `pad` where there is none.
    """
    return F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=pad, label_smoothing=label_smoothing
    )
