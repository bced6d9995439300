"""Decoding by the CTC head alone: best path, or prefix beam search with a character language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.decoding.alignment import align, character_spans, ctc_collapse, ctc_log_probs
from ocr.decoding.hypothesis import Hypothesis, mean_confidence
from ocr.decoding.prefix_search import Candidate, SearchSettings, prefix_search
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.ngram import Addresses, CharNgram
from ocr.text.tokenizer import CharTokenizer, Tokenizer
from ocr.types import ImageBatch

ADDRESS_MARKS = ("www", "//")
"""Characters from which on a word is an address of a page. Neither is in a word of our languages."""


class CtcGreedy:
    """Best path of the CTC head: the most likely character of each column, collapsed (Graves et al. 2006)."""

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer,
        tokenizer: Tokenizer | None,
        images: ImageBatch | None = None,
    ) -> list[Hypothesis]:
        """Read every line of the batch; `tokenizer` and `images` are not used."""
        hypotheses = []
        for log_probs in ctc_log_probs(model, encoded):
            found = ctc_collapse(log_probs.argmax(-1))
            spans = character_spans(
                [identity for identity, _, _ in found],
                [(start, end) for _, start, end in found],
                log_probs,
                tokenizer=ctc_tokenizer,
                stride=encoded.stride,
            )
            text = "".join(span.character for span in spans)
            hypotheses.append(Hypothesis(text, mean_confidence(spans), spans))
        return hypotheses


class CtcBeam:
    """Prefix beam search over the CTC head with a character language model (Hannun et al. 2014).

    Without a language model (`ngram=None`) texts are ranked by the sum of their alignments.
    """

    def __init__(self, ngram: CharNgram | None = None, settings: SearchSettings | None = None) -> None:
        self.ngram = ngram
        self.settings = settings or SearchSettings()

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer,
        tokenizer: Tokenizer | None,
        images: ImageBatch | None = None,
    ) -> list[Hypothesis]:
        """Read every line of the batch; `tokenizer` and `images` are not used."""
        log_probs = ctc_log_probs(model, encoded)
        return [
            self.reading(rows, texts[0].ids, ctc_tokenizer, stride=encoded.stride)
            for rows, texts in zip(log_probs, self.texts(log_probs, ctc_tokenizer), strict=True)
        ]

    def texts(self, log_probs: Sequence[np.ndarray], tokenizer: CharTokenizer) -> list[list[Candidate]]:
        """Find the likeliest texts of each line, without spaces at either end, best first."""
        space = tokenizer.encode(" ")[0]
        options = {"settings": self.settings, "space": space, "addresses": _addresses(tokenizer, space)}
        lines = []
        for found in prefix_search(log_probs, ngram=self.ngram, **options):
            best: dict[tuple[int, ...], Candidate] = {}
            for candidate in found:
                ids = _trimmed(candidate.ids, space)
                best.setdefault(ids, candidate._replace(ids=list(ids)))
            lines.append(list(best.values()))
        return lines

    def reading(
        self, log_probs: np.ndarray, ids: list[int], tokenizer: CharTokenizer, *, stride: int
    ) -> Hypothesis:
        """Align a text with the CTC output (t, v) of its line, for positions and confidences of characters."""
        spans = character_spans(ids, align(log_probs, ids), log_probs, tokenizer=tokenizer, stride=stride)
        if self.ngram is not None:
            for span, language in zip(spans, self._language(ids, tokenizer.encode(" ")[0]), strict=True):
                span.language = language
        return Hypothesis(tokenizer.decode(ids), mean_confidence(spans), spans)

    def _language(self, ids: list[int], space: int) -> list[float]:
        """Score each id of a text by the language model; see `CharacterSpan.language`."""
        scores = self.ngram.text_log_probs([*ids, space], space=space).tolist()
        following = [*ids[1:], space][: len(ids)]
        return [
            scores[i] + (scores[i + 1] if after == space and ids[i] != space else 0.0)
            for i, after in enumerate(following)
        ]


def _addresses(tokenizer: CharTokenizer, space: int) -> Addresses:
    """Return the beginnings of addresses that the tokenizer can write."""
    marks = (mark for mark in ADDRESS_MARKS if not tokenizer.missing(mark))
    return Addresses(tuple(tuple(tokenizer.encode(mark)) for mark in marks), space)


def _trimmed(ids: list[int], space: int) -> tuple[int, ...]:
    inked = [place for place, identity in enumerate(ids) if identity != space]
    return tuple(ids[inked[0] : inked[-1] + 1]) if inked else ()
