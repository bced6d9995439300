"""The reading of a line, and what every decoding strategy looks like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.tokenizer import CharTokenizer, Tokenizer


@dataclass
class CharacterSpan:
    """A character and where it lies: pixel columns [start, end) of the preprocessed line; confidence in [0, 1].

    `language`: what the language model that helped to find it says, the log-probability of the character after
    those before it; of a word's last character, that the word ends there as well. 0 without such a model.
    """

    character: str
    start: float
    end: float
    confidence: float
    language: float = 0.0


@dataclass
class WordSpan:
    """The characters between two spaces; `confidence`: how probable it is that all of them are right."""

    characters: list[CharacterSpan]
    confidence: float

    @property
    def text(self) -> str:
        return "".join(span.character for span in self.characters)

    @property
    def start(self) -> float:
        """First pixel column, of the same image as those of the characters."""
        return self.characters[0].start

    @property
    def end(self) -> float:
        """Last pixel column + 1."""
        return self.characters[-1].end


@dataclass
class Hypothesis:
    """The reading of one line. `confidence`: geometric mean of its characters' probabilities (its tokens', where
    the model has no CTC head), 0 if empty. `words` share the spans of `characters`."""

    text: str
    confidence: float
    characters: list[CharacterSpan] = field(default_factory=list)
    fell_back: bool = False
    """True where the guard replaced the decoder's text by the CTC reading."""
    words: list[WordSpan] = field(init=False)

    def __post_init__(self) -> None:
        self.words = split_words(self.characters)


def split_words(characters: Sequence[CharacterSpan]) -> list[WordSpan]:
    """The words of a line; each is as probable as all its characters together."""
    words: list[list[CharacterSpan]] = [[]]
    for span in characters:
        if span.character.isspace():
            words.append([])
        else:
            words[-1].append(span)
    return [WordSpan(word, math.prod(span.confidence for span in word)) for word in words if word]


def mean_confidence(characters: Sequence[CharacterSpan]) -> float:
    """Geometric mean of the characters' confidences, 0 of none."""
    if not characters:
        return 0.0
    return math.exp(sum(math.log(max(span.confidence, 1e-6)) for span in characters) / len(characters))


class DecodingStrategy(Protocol):
    """What all strategies look like."""

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer | None,
        tokenizer: Tokenizer | None,
    ) -> list[Hypothesis]:
        """Read every line of the encoded batch. Raises ConfigError where the model lacks the head for it."""
        ...
