"""How far confidences can be trusted: expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rapidfuzz.distance import Levenshtein

BINS = 15


def _zeros() -> np.ndarray:
    return np.zeros(BINS)


@dataclass(frozen=True)
class ConfidenceCounts:
    """Confidences against what turned out to be right, in bins of equal width, additive over lines.

    `count`: items a bin; `confidence`: sum of their confidences; `right`: those that are right. All (BINS,).
    """

    count: np.ndarray = field(default_factory=_zeros)
    confidence: np.ndarray = field(default_factory=_zeros)
    right: np.ndarray = field(default_factory=_zeros)

    def __add__(self, other: ConfidenceCounts) -> ConfidenceCounts:
        return ConfidenceCounts(
            self.count + other.count, self.confidence + other.confidence, self.right + other.right
        )

    @property
    def ece(self) -> float:
        """Expected calibration error in percent: how far the share of right items in a bin lies from their mean
        confidence, averaged over all items (Guo et al. 2017). 0 of no items."""
        return 100.0 * float(np.abs(self.right - self.confidence).sum()) / max(float(self.count.sum()), 1.0)


def count_confidence(confidences: Sequence[float], right: Sequence[bool]) -> ConfidenceCounts:
    """Counts of some items: their confidences in [0, 1], and whether each is right."""
    values = np.asarray(confidences, np.float64)
    bins = np.clip((values * BINS).astype(int), 0, BINS - 1)
    return ConfidenceCounts(
        np.bincount(bins, minlength=BINS).astype(np.float64),
        np.bincount(bins, weights=values, minlength=BINS),
        np.bincount(bins, weights=np.asarray(right, np.float64), minlength=BINS),
    )


def matched(reference: Sequence[str], hypothesis: Sequence[str]) -> np.ndarray:
    """Which items (words, characters) of a reading are right: (len(hypothesis),) bool.

    Right are those that an alignment of fewest edits (Levenshtein) sets against an equal item of the reference;
    replaced and invented ones are wrong. Missed items have no confidence and do not show.
    """
    right = np.zeros(len(hypothesis), bool)
    for block in Levenshtein.opcodes(reference, hypothesis):
        if block.tag == "equal":
            right[block.dest_start : block.dest_end] = True
    return right
