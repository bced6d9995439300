"""Decoding by both heads: the decoder scores the candidates of the CTC beam search, in more views where in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ocr.decoding.alignment import ctc_log_probs, ctc_scores
from ocr.decoding.ctc import CtcBeam
from ocr.decoding.hypothesis import Hypothesis
from ocr.decoding.prefix_search import Candidate
from ocr.errors import ConfigError
from ocr.image.views import View
from ocr.models.decoder import CachedDecoder, teacher_forced
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.tokenizer import CharTokenizer, Tokenizer
from ocr.types import ImageBatch

MAX_VIEWS = 8


class Rescoring:
    """Attention rescoring (Zhang et al. 2020, U2): one forward pass of the decoder scores all candidates of a batch.

    Lines whose best CTC path is doubtful are also searched in other views (test-time augmentation). Each candidate of
    such a line is then scored by the mean of its CTC log-probabilities in all views.

    Args:
        search: beam search that finds the candidates. candidates: number per line and view that the decoder scores.
        weight: weight of the log-probability of the decoder, added to the score of the search.
        views: (stretch, shear) of each further view, see `ocr.image.views.View`.
        doubt: negative log-probability of the best path, in nats per line, above which a line is doubtful.
    Raises:
        ConfigError: no candidates, or a view that cannot be made.
    """

    def __init__(
        self,
        search: CtcBeam,
        *,
        candidates: int = 4,
        weight: float = 0.5,
        views: Sequence[Sequence[float]] = (),
        doubt: float = 5.0,
    ) -> None:
        if candidates < 1:
            raise ConfigError(f"candidates={candidates}: expected at least 1 text per line")
        if len(views) > MAX_VIEWS or any(len(view) != 2 for view in views):
            raise ConfigError(f"views={views}: expected at most {MAX_VIEWS} pairs (stretch, shear)")
        self.search = search
        self.candidates = candidates
        self.weight = weight
        self.views = [View(*view) for view in views]
        self.doubt = doubt

    def options(self) -> dict[str, Any]:
        """Return the arguments, without the search, in the form that a bundle stores."""
        return {
            "candidates": self.candidates,
            "weight": self.weight,
            "views": [[view.stretch, view.shear] for view in self.views],
            "doubt": self.doubt,
        }

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer | None,
        tokenizer: Tokenizer | None,
        images: ImageBatch | None = None,
    ) -> list[Hypothesis]:
        """Read every line of the batch; without `images` there are no further views.

        Raises ConfigError if the model lacks either head.
        """
        if model.decoder is None or tokenizer is None:
            raise ConfigError("this model has no autoregressive decoder: use decode=ctc")
        if ctc_tokenizer is None:
            raise ConfigError("this model has no CTC head: use decode=greedy or decode=beam")
        log_probs = ctc_log_probs(model, encoded)
        found = self._candidates(log_probs, ctc_tokenizer)
        if self.views and images is not None:
            found |= self._doubtful(model, log_probs, found, ctc_tokenizer, images)
        lines = [line for line, texts in found.items() for _ in texts]
        texts = [ctc_tokenizer.decode(text.ids) for texts in found.values() for text in texts]
        decoder_scores = iter(score_texts(model.decoder, encoded, lines, texts, tokenizer=tokenizer))
        hypotheses = []
        for line, candidates in found.items():
            best = max(candidates, key=lambda text: text.score + self.weight * next(decoder_scores))
            hypotheses.append(
                self.search.reading(log_probs[line], best.ids, ctc_tokenizer, stride=encoded.stride)
            )
        return hypotheses

    def _candidates(
        self, log_probs: Sequence[np.ndarray], tokenizer: CharTokenizer
    ) -> dict[int, list[Candidate]]:
        """Find the candidates of each line, by its number."""
        return {
            line: texts[: self.candidates]
            for line, texts in enumerate(self.search.texts(log_probs, tokenizer))
        }

    def _doubtful(
        self,
        model: Recognizer,
        log_probs: Sequence[np.ndarray],
        found: dict[int, list[Candidate]],
        tokenizer: CharTokenizer,
        images: ImageBatch,
    ) -> dict[int, list[Candidate]]:
        """Find the candidates of the doubtful lines in all views, and score each of them in all views."""
        lines = [line for line, rows in enumerate(log_probs) if -rows.max(-1).sum() > self.doubt]
        if not lines:
            return {}
        chosen = images.select(lines)
        looks = [_Look([log_probs[line] for line in lines], [found[line] for line in lines])]
        for view in self.views:
            rows = ctc_log_probs(model, model.encode(view(chosen)))
            looks.append(_Look(rows, list(self._candidates(rows, tokenizer).values())))
        return {line: _merged(looks, place) for place, line in enumerate(lines)}


@dataclass
class _Look:
    """CTC output (t, v) and candidates of each doubtful line in one view."""

    log_probs: list[np.ndarray]
    candidates: list[list[Candidate]]


def _merged(looks: Sequence[_Look], place: int) -> list[Candidate]:
    """Join the candidates of a line of all views; their alignment score is the mean over the views."""
    language: dict[tuple[int, ...], float] = {}
    for look in looks:
        for text in look.candidates[place]:
            language.setdefault(tuple(text.ids), text.language)
    texts = [list(ids) for ids in language]
    scores = np.mean([ctc_scores(look.log_probs[place], texts) for look in looks], axis=0).tolist()
    return [
        Candidate(ids, score, weighted)
        for ids, score, weighted in zip(texts, scores, language.values(), strict=True)
    ]


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
