"""Test of the script of a line: writing that the recognizer does not know, told by how it reads.

A recognizer of the Latin script reads every other one as Latin letters, and is often sure of them. Taken together,
the statistics of its output give such lines away: many unsure columns, words that no language has, odd capitals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ocr.decoding.alignment import ctc_collapse
from ocr.errors import ConfigError
from ocr.text.ngram import CharNgram
from ocr.text.tokenizer import CharTokenizer

FEATURES = (
    "characters",
    "density",
    "confidence",
    "unsure",
    "margin",
    "entropy",
    "doubtful columns",
    "blank",
    "language",
    "worst language",
    "improbable",
    "capitals within words",
    "not letters",
    "marked letters",
    "spaces",
    "word length",
)
"""Names of the values of `script_features`."""

SURE = 0.9
"""Probability from which a column is decided."""

IMPROBABLE = -6.0
"""Log-probability of the language model below which a character hardly ever follows those before it."""


def script_features(log_probs: np.ndarray, tokenizer: CharTokenizer, ngram: CharNgram | None) -> np.ndarray:
    """Compute the (f,) float64 statistics of a line, in the order of `FEATURES`.

    Args:
        log_probs: (t, v) log-probabilities of the CTC output; id 0 is the blank.
        ngram: language model; without one, its features are 0.
    """
    path = log_probs.argmax(-1)
    found = ctc_collapse(path)
    if not found:
        return np.zeros(len(FEATURES))
    ids = [identity for identity, _, _ in found]
    text = tokenizer.decode(ids)
    ordered = np.sort(log_probs, axis=-1)
    best, second = ordered[:, -1], ordered[:, -2]
    entropy = -(np.exp(log_probs) * log_probs).sum(-1)
    peaks = np.array([start + int(best[start:end].argmax()) for _, start, end in found])
    space = tokenizer.encode(" ")[0]
    inked = np.array(ids) != space
    peaks = peaks[inked] if inked.any() else peaks
    language = _language(ids, ngram, space=space)
    words = text.split()
    letters = max(sum(character.isalpha() for character in text), 1)
    count = max(sum(map(len, words)), 1)
    return np.array(
        [
            np.log(count),
            count / len(log_probs),
            best[peaks].mean(),
            (best[peaks] < np.log(SURE)).mean(),
            np.minimum(best - second, 10.0)[peaks].mean(),
            entropy.mean(),
            (best < np.log(SURE)).mean(),
            (path == 0).mean(),
            language.mean(),
            np.percentile(language, 10),
            (language < IMPROBABLE).mean(),
            sum(a.islower() and b.isupper() for a, b in zip(text, text[1:], strict=False)) / letters,
            sum(not character.isalpha() for word in words for character in word) / count,
            sum(character.isalpha() and ord(character) > 127 for character in text) / letters,
            text.count(" ") / count,
            np.log(max(map(len, words), default=1)),
        ]
    )


def _language(ids: Sequence[int], ngram: CharNgram | None, *, space: int) -> np.ndarray:
    if ngram is None:
        return np.zeros(len(ids))
    return np.maximum(ngram.text_log_probs(ids, space=space).astype(np.float64), -15.0)


@dataclass(frozen=True)
class ScriptTest:
    """Logistic regression on `script_features`, whose log-odds above 0 speak for a script that is not known.

    A single line tells little: a hard hand looks like another script. The lines of a page together tell it well.

    Attributes:
        weights: of each of `FEATURES`. bias: constant.
        line, page: log-odds above which a line by itself, and the mean of many lines, are in another script.
    """

    weights: Mapping[str, float]
    bias: float
    line: float
    page: float

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ScriptTest:
        """Build a test from the output of `config`. Raises ConfigError where it is not one."""
        try:
            test = cls(**config)
            numbers = [float(value) for value in (*test.weights.values(), test.bias, test.line, test.page)]
        except (TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"script test: {error}") from error
        if set(test.weights) != set(FEATURES) or not np.isfinite(numbers).all():
            raise ConfigError(f"script test: expected a finite weight for each of {', '.join(FEATURES)}")
        return test

    def config(self) -> dict[str, Any]:
        """Return the weights as plain numbers, as a bundle stores them."""
        return asdict(self)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Compute the log-odds (n,) of another script from (n, f) features; 0 for lines without any character."""
        scores = features @ np.array([self.weights[name] for name in FEATURES]) + self.bias
        return np.where(features.any(-1), scores, 0.0)

    def mark(self, scores: np.ndarray) -> np.ndarray:
        """Decide which lines of a page, by their log-odds (n,), are in another script: (n,) bool.

        The fewer lines there are, the more is asked of their mean. Where most of the page is in another script, so
        are all lines that rather are than not; elsewhere only those are marked that are so by themselves.
        """
        return scores > (0.0 if self.is_other_page(scores) else self.line)

    def is_other_page(self, scores: np.ndarray) -> bool:
        """Decide by the log-odds (n,) of its lines whether most of a page is in another script."""
        count = len(scores)
        return count > 0 and bool(np.mean(scores) > self.page + max(self.line - self.page, 0.0) / count)
