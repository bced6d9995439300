"""Error rates of recognition, in characters and words.

Counts are summed over lines or pages, then divided, so that every line weighs as much as it has characters. Rates
called `cer` and `wer` are in percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from scipy.optimize import linear_sum_assignment

from ocr.errors import ConfigError
from ocr.metrics.counts import _Additive
from ocr.text.normalize import normalize as normalize_text


@dataclass(frozen=True)
class ErrorCounts(_Additive):
    """Levenshtein edits against a reference, in characters and in whitespace-separated words."""

    edits: int = 0
    characters: int = 0
    """Characters of the reference."""
    word_edits: int = 0
    words: int = 0
    """Words of the reference."""
    lines: int = 0

    @property
    def cer(self) -> float:
        """Character error rate in percent; insertions can raise it above 100."""
        return 100.0 * self.edits / max(self.characters, 1)

    @property
    def wer(self) -> float:
        """Word error rate in percent."""
        return 100.0 * self.word_edits / max(self.words, 1)


def count_errors(reference: str, hypothesis: str, *, normalize: bool = True) -> ErrorCounts:
    """Count the errors of one line; both texts are normalized by `ocr.text.normalize` unless `normalize` is False."""
    if normalize:
        reference, hypothesis = normalize_text(reference), normalize_text(hypothesis)
    words = reference.split()
    return ErrorCounts(
        edits=Levenshtein.distance(reference, hypothesis),
        characters=len(reference),
        word_edits=Levenshtein.distance(words, hypothesis.split()),
        words=len(words),
        lines=1,
    )


def page_errors(
    reference: Sequence[str], hypothesis: Sequence[str], *, normalize: bool = True
) -> ErrorCounts:
    """Count the errors of the lines of a page, in reading order, as one text.

    Lines are joined by a space: a line that is split is no error, a line in the wrong position is one.
    """
    counts = count_errors(" ".join(reference), " ".join(hypothesis), normalize=normalize)
    return ErrorCounts(counts.edits, counts.characters, counts.word_edits, counts.words, len(reference))


def bag_of_lines_errors(
    reference: Sequence[str], hypothesis: Sequence[str], *, normalize: bool = True
) -> ErrorCounts:
    """Count the errors of the lines of a page in any order, by the one-to-one assignment with the fewest edits.

    An unassigned line of the reference counts as deleted, one of the hypothesis as inserted.
    """
    if normalize:
        reference = [normalize_text(line) for line in reference]
        hypothesis = [normalize_text(line) for line in hypothesis]
    count = max(len(reference), len(hypothesis))
    if count == 0:
        return ErrorCounts()
    padded_reference = [*reference, *[""] * (count - len(reference))]
    padded_hypothesis = [*hypothesis, *[""] * (count - len(hypothesis))]
    cost = cdist(padded_reference, padded_hypothesis, scorer=Levenshtein.distance, dtype=np.int32)
    total = ErrorCounts()
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        total += count_errors(padded_reference[row], padded_hypothesis[column], normalize=False)
    return ErrorCounts(total.edits, total.characters, total.word_edits, total.words, len(reference))


def bootstrap_interval(
    per_document: Sequence[ErrorCounts],
    *,
    rate: Literal["cer", "wer"] = "cer",
    confidence: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Compute the percentile bootstrap interval (low, high) of an error rate in percent.

    Whole documents are drawn with replacement, because lines of one writer are not independent
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

    Raises:
        ConfigError: no documents, or a confidence outside (0, 1).
    """
    if not per_document:
        raise ConfigError("a bootstrap interval needs at least one document")
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence must lie between 0 and 1, got {confidence}")
    if rate == "cer":
        counts = np.array([(c.edits, c.characters) for c in per_document], np.float64)
    else:
        counts = np.array([(c.word_edits, c.words) for c in per_document], np.float64)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=samples) @ counts
    rates = 100.0 * drawn[:, 0] / np.maximum(drawn[:, 1], 1)
    low, high = np.quantile(rates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
