"""Reading by the CTC head alone: best path, or prefix beam search with a character language model."""

from __future__ import annotations

from ocr.decoding.alignment import align, character_spans, ctc_collapse, ctc_log_probs
from ocr.decoding.hypothesis import Hypothesis, mean_confidence
from ocr.decoding.prefix_search import SearchSettings, prefix_search
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.ngram import CharNgram
from ocr.text.tokenizer import CharTokenizer, Tokenizer


class CtcGreedy:
    """Best path of the CTC head: the most likely character of each column, collapsed (Graves et al. 2006)."""

    def __call__(
        self, model: Recognizer, encoded: Encoded, ctc_tokenizer: CharTokenizer, tokenizer: Tokenizer | None
    ) -> list[Hypothesis]:
        """Read every line of the batch; `tokenizer` is not used."""
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

    Without a language model (`ngram=None`) it sums the alignments of each text, no more.
    """

    def __init__(self, ngram: CharNgram | None = None, settings: SearchSettings | None = None) -> None:
        self.ngram = ngram
        self.settings = settings or SearchSettings()

    def __call__(
        self, model: Recognizer, encoded: Encoded, ctc_tokenizer: CharTokenizer, tokenizer: Tokenizer | None
    ) -> list[Hypothesis]:
        """Read every line of the batch; `tokenizer` is not used."""
        log_probs = ctc_log_probs(model, encoded)
        space = ctc_tokenizer.encode(" ")[0]
        texts = prefix_search(log_probs, ngram=self.ngram, settings=self.settings, space=space)
        hypotheses = []
        for rows, ids in zip(log_probs, texts, strict=True):
            runs = align(rows, ids)
            spans = character_spans(ids, runs, rows, tokenizer=ctc_tokenizer, stride=encoded.stride)
            if self.ngram is not None and spans:
                kept = ctc_tokenizer.encode("".join(span.character for span in spans))
                for span, language in zip(spans, self._language(kept, space), strict=True):
                    span.language = language
            text = "".join(span.character for span in spans)
            hypotheses.append(Hypothesis(text, mean_confidence(spans), spans))
        return hypotheses

    def _language(self, ids: list[int], space: int) -> list[float]:
        """What the language model says of each id of a text; see `CharacterSpan.language`."""
        own = self.ngram.text_log_probs([*ids, space], space=space).tolist()
        following = [*ids[1:], space]
        return [
            own[i] + (own[i + 1] if after == space and ids[i] != space else 0.0)
            for i, after in enumerate(following)
        ]
