"""Losses of the detector."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def balanced_bce(
    logits: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    *,
    positive: float = 0.5,
    ratio: float = 3.0,
    floor: int = 256,
) -> torch.Tensor:
    """Binary cross-entropy over all positive cells and the `ratio` times as many hardest negative ones.

    Online hard example mining (Shrivastava et al. 2016) as CRAFT balances its maps.

    Args:
        logits, target, weight: (b, h, w), soft targets in [0, 1], weight 0 where nothing is known.
        positive: targets at least this large are positive.
        floor: negatives taken at least, so that batches without text teach too.
    Returns:
        A scalar; 0 where all weights are 0.
    """
    loss = F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none") * weight
    is_positive = (target >= positive) & (weight > 0)
    known = weight > 0
    positives = int(is_positive.sum())
    negatives = min(int(known.sum()) - positives, max(int(ratio * positives), floor))
    total = loss[is_positive].sum()
    if negatives > 0:
        hardest = loss.masked_fill(is_positive, 0.0).flatten().topk(negatives).values
        total = total + hardest.sum()
    return total / max(positives + negatives, 1)


def dice_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """1 - the Dice overlap of probabilities and target (Milletari et al. 2016), over the whole batch.

    logits, target, weight: (b, h, w).
    """
    probability = logits.float().sigmoid() * weight
    target = target * weight
    return 1 - (2 * (probability * target).sum() + 1) / (probability.sum() + target.sum() + 1)


def extent_loss(predicted: torch.Tensor, target: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """-log of the overlap of predicted and true vertical intervals (UnitBox, Yu et al. 2016, in one dimension).

    predicted, target: (b, 2, h, w) pixels to the top and bottom edge; inside: (b, h, w) bool. 0 where none is.
    """
    if not inside.any():
        return predicted.sum() * 0.0
    p, t = predicted.permute(0, 2, 3, 1)[inside].float(), target.permute(0, 2, 3, 1)[inside]
    overlap = torch.minimum(p, t).sum(-1) + 1.0
    union = torch.maximum(p, t).sum(-1) + 1.0
    return (union / overlap).log().mean()
