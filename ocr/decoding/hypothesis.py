"""Result of decoding a line, and the interface of decoding strategies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.tokenizer import CharTokenizer, Tokenizer
from ocr.types import ImageBatch


@dataclass
class CharacterSpan:
    """A character, its pixel columns [start, end) in the preprocessed line, and its confidence in [0, 1].

    `language` is the log-probability of the character after those before it, by the language model of the search;
    for the last character of a word, that of the space after it is added. It is 0 without a language model.
    """

    character: str
    start: float
    end: float
    confidence: float
    language: float = 0.0


@dataclass
class WordSpan:
    """The characters between two spaces; `confidence` is the probability that all of them are right."""

    characters: list[CharacterSpan]
    confidence: float

    @property
    def text(self) -> str:
        """The characters as a string."""
        return "".join(span.character for span in self.characters)

    @property
    def start(self) -> float:
        """First pixel column in the preprocessed line."""
        return self.characters[0].start

    @property
    def end(self) -> float:
        """Last pixel column + 1."""
        return self.characters[-1].end


@dataclass
class Hypothesis:
    """Result of decoding one line.

    `confidence` is the geometric mean of the probabilities of its characters (of its tokens, where the model has no
    CTC head), 0 if empty. `words` share the spans of `characters`.
    """

    text: str
    confidence: float
    characters: list[CharacterSpan] = field(default_factory=list)
    fell_back: bool = False
    """True where the guard replaced the text of the decoder by the CTC reading."""
    script_score: float = 0.0
    """Log-odds of a script that the recognizer does not know (`ocr.decoding.script`); 0 where there is no test."""
    words: list[WordSpan] = field(init=False)

    def __post_init__(self) -> None:
        self.words = split_words(self.characters)


def split_words(characters: Sequence[CharacterSpan]) -> list[WordSpan]:
    """Split a line into words; the probability of a word is the product of those of its characters."""
    words: list[list[CharacterSpan]] = [[]]
    for span in characters:
        if span.character.isspace():
            words.append([])
        else:
            words[-1].append(span)
    return [WordSpan(word, math.prod(span.confidence for span in word)) for word in words if word]


def mean_confidence(characters: Sequence[CharacterSpan]) -> float:
    """Geometric mean of the confidences of characters; 0 where there are none."""
    if not characters:
        return 0.0
    return math.exp(sum(math.log(max(span.confidence, 1e-6)) for span in characters) / len(characters))


class DecodingStrategy(Protocol):
    """Interface of decoding strategies."""

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer | None,
        tokenizer: Tokenizer | None,
        images: ImageBatch | None = None,
    ) -> list[Hypothesis]:
        """Decode every line of the encoded batch. Raises ConfigError where the model lacks the required head.

        `images` are the lines that were encoded, for strategies that look at some of them again.
        """
        ...
