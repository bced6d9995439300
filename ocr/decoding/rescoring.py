"""Decoding by both heads: candidates of the CTC beam search are rescored by the decoder."""

from __future__ import annotations

import torch

from ocr.decoding.alignment import ctc_log_probs
from ocr.decoding.ctc import CtcBeam
from ocr.decoding.hypothesis import Hypothesis
from ocr.errors import ConfigError
from ocr.models.decoder import CachedDecoder, teacher_forced
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.tokenizer import CharTokenizer, Tokenizer


class Rescoring:
    """Attention rescoring (Zhang et al. 2020, U2): one forward pass of the decoder scores all candidates of a batch.

    Args:
        search: beam search that finds the candidates. candidates: number per line that the decoder scores.
        weight: weight of the log-probability of the decoder, added to the score of the search.
    Raises:
        ConfigError: no candidates.
    """

    def __init__(self, search: CtcBeam, *, candidates: int = 4, weight: float = 0.5) -> None:
        if candidates < 1:
            raise ConfigError(f"candidates={candidates}: expected at least 1 text per line")
        self.search = search
        self.candidates = candidates
        self.weight = weight

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer | None,
        tokenizer: Tokenizer | None,
    ) -> list[Hypothesis]:
        """Read every line of the batch. Raises ConfigError if the model lacks either head."""
        if model.decoder is None or tokenizer is None:
            raise ConfigError("this model has no autoregressive decoder: use decode=ctc")
        if ctc_tokenizer is None:
            raise ConfigError("this model has no CTC head: use decode=greedy or decode=beam")
        log_probs = ctc_log_probs(model, encoded)
        found = [texts[: self.candidates] for texts in self.search.texts(log_probs, ctc_tokenizer)]
        lines = [line for line, texts in enumerate(found) for _ in texts]
        texts = [ctc_tokenizer.decode(ids) for texts in found for ids, _ in texts]
        decoder_scores = iter(score_texts(model.decoder, encoded, lines, texts, tokenizer=tokenizer))
        hypotheses = []
        for rows, candidates in zip(log_probs, found, strict=True):
            ids, _ = max(candidates, key=lambda pair: pair[1] + self.weight * next(decoder_scores))
            hypotheses.append(self.search.reading(rows, ids, ctc_tokenizer, stride=encoded.stride))
        return hypotheses


def score_texts(
    decoder: CachedDecoder, encoded: Encoded, lines: list[int], texts: list[str], *, tokenizer: Tokenizer
) -> list[float]:
    """Compute the log-probability, by the decoder, of each text (its end included) for its line of `encoded`.

    Of texts longer than the decoder can write, only the beginning is scored.
    """
    device = encoded.features.device
    ids = [tokenizer.encode(text)[: decoder.max_length - 1] for text in texts]
    length = max(map(len, ids)) + 1
    special = {"bos": tokenizer.bos, "eos": tokenizer.eos, "pad": tokenizer.pad}
    inputs, expected = (ids.to(device) for ids in teacher_forced(ids, width=length, **special))
    cache = decoder.start(encoded.features, encoded.mask).select(torch.tensor(lines, device=device))
    log_probs = decoder.forced(inputs, cache).float().log_softmax(-1)
    scores = log_probs.gather(-1, expected[..., None])[..., 0]
    ends = torch.tensor([len(text) for text in ids], device=device)
    within = torch.arange(length, device=device) <= ends[:, None]
    return scores.masked_fill(~within, 0.0).sum(1).tolist()
