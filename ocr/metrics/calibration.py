"""Expected calibration error of confidences."""

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
    """Counts of items in bins of equal width of confidence, additive over lines.

    All are (BINS,) arrays: `count` of items, `confidence`, the sum of their confidences, and `right` items.
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
        """Expected calibration error in percent (Guo et al. 2017); 0 without items.

        The difference between the share of right items in a bin and their mean confidence, averaged over all items.
        """
        return 100.0 * float(np.abs(self.right - self.confidence).sum()) / max(float(self.count.sum()), 1.0)


def count_confidence(confidences: Sequence[float], right: Sequence[bool]) -> ConfidenceCounts:
    """Count items by their confidences in [0, 1]; `right` is True for items that are right."""
    values = np.asarray(confidences, np.float64)
    bins = np.clip((values * BINS).astype(int), 0, BINS - 1)
    return ConfidenceCounts(
        np.bincount(bins, minlength=BINS).astype(np.float64),
        np.bincount(bins, weights=values, minlength=BINS),
        np.bincount(bins, weights=np.asarray(right, np.float64), minlength=BINS),
    )


def matched(reference: Sequence[str], hypothesis: Sequence[str]) -> np.ndarray:
    """Find the items (words, characters) of a hypothesis that are right.

    An item is right where an alignment of fewest edits (Levenshtein) pairs it with an equal item of the reference;
    replaced and inserted items are wrong. Deleted items have no confidence and are not counted.

    Returns:
        (len(hypothesis),) bool.
    """
    right = np.zeros(len(hypothesis), bool)
    for block in Levenshtein.opcodes(reference, hypothesis):
        if block.tag == "equal":
            right[block.dest_start : block.dest_end] = True
    return right
