"""Calibrated confidences: logistic maps of the probabilities of the network and the language model.

Platt scaling (Platt 1999; Guo et al. 2017, whose temperature is the inverse of `probability` here). Features are the
probability of the network, that of the language model, and the length of a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ocr.decoding.hypothesis import Hypothesis, mean_confidence
from ocr.errors import ConfigError

LIMIT = 14.0
"""Limit to which log-odds are clipped; beyond it, float32 probabilities are 0 or 1."""


@dataclass(frozen=True)
class Logistic:
    """Logistic regression on the log-odds of the network's probability; with the defaults, the identity.

    `probability` is the weight of the log-odds, `language` that of the language model's log-probability, `length`
    that of the number of characters, and `bias` a constant.
    """

    probability: float = 1.0
    language: float = 0.0
    length: float = 0.0
    bias: float = 0.0

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Map (n, 3) features of `character_features` or `word_features` to (n,) confidences."""
        odds = features @ np.array([self.probability, self.language, self.length]) + self.bias
        return 1.0 / (1.0 + np.exp(-np.clip(odds, -LIMIT, LIMIT)))


@dataclass(frozen=True)
class Calibration:
    """Maps from the confidences of a decoding strategy to calibrated ones, for characters and for words."""

    character: Logistic = field(default_factory=Logistic)
    word: Logistic = field(default_factory=Logistic)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Calibration:
        """Build a calibration from the output of `config`. Raises ConfigError where it is not one."""
        try:
            return cls(**{name: Logistic(**weights) for name, weights in config.items()})
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"calibration {config!r}: {error}") from error

    def config(self) -> dict[str, dict[str, float]]:
        """Return the weights as plain numbers, as a bundle stores them."""
        return asdict(self)

    def __call__(self, hypothesis: Hypothesis) -> Hypothesis:
        """Replace the confidences of a line, its words and its characters in place, and return it."""
        words = self.word(word_features(hypothesis)).tolist()
        characters = self.character(character_features(hypothesis)).tolist()
        for word, confidence in zip(hypothesis.words, words, strict=True):
            word.confidence = confidence
        for span, confidence in zip(hypothesis.characters, characters, strict=True):
            span.confidence = confidence
        hypothesis.confidence = mean_confidence(hypothesis.characters)
        return hypothesis


def character_features(hypothesis: Hypothesis) -> np.ndarray:
    """Compute (n, 3) features of characters: log-odds of the network, log-probability of the language model, 0."""
    rows = [(span.confidence, span.language, 0.0) for span in hypothesis.characters]
    return _features(np.array(rows, np.float64).reshape(-1, 3))


def word_features(hypothesis: Hypothesis) -> np.ndarray:
    """Compute (n, 3) features of words: the same, of all characters together, and their number."""
    rows = [
        (word.confidence, sum(span.language for span in word.characters), len(word.characters))
        for word in hypothesis.words
    ]
    return _features(np.array(rows, np.float64).reshape(-1, 3))


def _features(rows: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        odds = np.log(rows[:, 0]) - np.log1p(-rows[:, 0])
    rows[:, 0] = np.clip(odds, -LIMIT, LIMIT)
    return rows
