"""Reading by the autoregressive decoder: greedy, beam and joint, guarded by the CTC head."""

from __future__ import annotations

import math

import numpy as np
import torch

from ocr.decoding.alignment import align, character_spans, ctc_log_probs, ctc_scores
from ocr.decoding.ctc import CtcGreedy
from ocr.decoding.hypothesis import CharacterSpan, Hypothesis, mean_confidence
from ocr.errors import ConfigError
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.tokenizer import CharTokenizer, Tokenizer


class Autoregressive:
    """Beam search over the decoder's tokens; `beams=1` is greedy decoding.

    Without a CTC head (`ctc_tokenizer` None) the decoder's best text stands, and its characters are spread evenly
    over the line.

    Args:
        beams: hypotheses kept a line. length_penalty: exponent of the length a score is divided by.
        ctc_weight: share of the CTC score when the final beams are ranked (0: decoder alone; Watanabe et al.
            2017 for joint scoring).
        guard: nats a character by which the CTC head may find its own reading likelier than the decoder's
            before it overrules it.
    """

    def __init__(
        self, *, beams: int = 1, length_penalty: float = 1.0, ctc_weight: float = 0.0, guard: float = 1.0
    ) -> None:
        self.beams = beams
        self.length_penalty = length_penalty
        self.ctc_weight = ctc_weight
        self.guard = guard

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer | None,
        tokenizer: Tokenizer | None,
    ) -> list[Hypothesis]:
        """Read every line of the batch. Raises ConfigError if the model lacks the decoder, or the CTC head that
        `ctc_weight` asks for."""
        if model.decoder is None or tokenizer is None:
            raise ConfigError("this model has no autoregressive decoder: use decode=ctc")
        if ctc_tokenizer is None:
            if self.ctc_weight:
                raise ConfigError("this model has no CTC head: use decode=greedy or decode=beam")
            found = self._search(model, encoded, tokenizer, limit=model.decoder.max_length - 1)
            widths = (encoded.lengths * encoded.stride).tolist()
            return [self._decoder_alone(texts, width) for texts, width in zip(found, widths, strict=True)]
        # A column cannot hold more than one character, so neither can the text hold more tokens than columns.
        limit = min(model.decoder.max_length - 1, int(encoded.lengths.max()) + 2)
        candidates = self._search(model, encoded, tokenizer, limit=limit)
        readings = CtcGreedy()(model, encoded, ctc_tokenizer, None)
        hypotheses = []
        for log_probs, texts, reading in zip(
            ctc_log_probs(model, encoded), candidates, readings, strict=True
        ):
            hypotheses.append(self._choose(log_probs, texts, reading, ctc_tokenizer, encoded.stride))
        return hypotheses

    def _choose(
        self,
        log_probs: np.ndarray,
        texts: list[tuple[str, float]],
        reading: Hypothesis,
        ctc_tokenizer: CharTokenizer,
        stride: int,
    ) -> Hypothesis:
        """Rank one line's candidates (text, decoder score a token) and guard the winner with the CTC reading."""
        usable = [(text.strip(), score) for text, score in texts if not ctc_tokenizer.missing(text)]
        ids = [ctc_tokenizer.encode(text) for text, _ in usable]
        own = ctc_tokenizer.encode(reading.text)
        scores = ctc_scores(log_probs, [*ids, own])
        ranked = [
            ((1 - self.ctc_weight) * score + self.ctc_weight * ctc / max(len(i), 1), text, i, ctc)
            for (text, score), i, ctc in zip(usable, ids, scores, strict=False)
        ]
        if not ranked:
            return Hypothesis(reading.text, reading.confidence, reading.characters, fell_back=True)
        _, text, chosen, ctc = max(ranked, key=lambda item: item[0])
        if scores[-1] - ctc > self.guard * max(len(chosen), len(own), 1):
            return Hypothesis(reading.text, reading.confidence, reading.characters, fell_back=True)
        runs = align(log_probs, chosen)
        spans = character_spans(chosen, runs, log_probs, tokenizer=ctc_tokenizer, stride=stride)
        return Hypothesis(text, mean_confidence(spans), spans)

    @staticmethod
    def _decoder_alone(texts: list[tuple[str, float]], width: float) -> Hypothesis:
        """The best of one line's candidates (text, score a token), its characters spread over `width` pixels."""
        text, score = texts[0]
        text = text.strip()
        if not text:
            return Hypothesis("", 0.0)
        confidence = min(math.exp(score), 1.0)
        edges = np.linspace(0, width, len(text) + 1).tolist()
        spans = [
            CharacterSpan(character, start, end, confidence)
            for character, start, end in zip(text, edges, edges[1:], strict=False)
        ]
        return Hypothesis(text, confidence, spans)

    def _search(
        self, model: Recognizer, encoded: Encoded, tokenizer: Tokenizer, *, limit: int
    ) -> list[list[tuple[str, float]]]:
        """Batched beam search over texts of up to `limit` tokens.

        Returns, a line, up to `beams` (text, mean log-probability) pairs, best first.
        """
        decoder = model.decoder
        b, k, device = len(encoded.lengths), self.beams, encoded.features.device
        rows = torch.arange(b, device=device).repeat_interleave(k)
        cache = decoder.start(encoded.features, encoded.mask).select(rows)
        scores = torch.full((b, k), -torch.inf, device=device)
        scores[:, 0] = 0.0
        tokens = torch.full((b * k, 1), tokenizer.bos, dtype=torch.long, device=device)
        finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(b)]
        open_lines = torch.ones(b, dtype=torch.bool, device=device)
        for _ in range(limit):
            log_probs = decoder.step(tokens[:, -1], cache).float().log_softmax(-1)
            log_probs[:, list(tokenizer.suppressed)] = -torch.inf
            total = scores.view(-1, 1) + log_probs
            best, flat = total.view(b, -1).topk(min(2 * k, total.shape[-1] * k), dim=-1)
            parents, words = flat // log_probs.shape[-1], flat % log_probs.shape[-1]
            scores, chosen, picked = self._advance(
                best,
                parents,
                words,
                tokens=tokens,
                finished=finished,
                open_lines=open_lines,
                end=tokenizer.eos,
            )
            tokens = torch.cat((tokens[chosen], picked[:, None]), dim=1)
            if not bool(open_lines.any()):
                break
            if k > 1:
                cache = cache.select(chosen)
        self._keep_unfinished(finished, scores, tokens)
        return [
            [(tokenizer.decode(ids), score) for score, ids in sorted(found, key=lambda f: -f[0])[:k]]
            for found in finished
        ]

    def _advance(
        self,
        best: torch.Tensor,
        parents: torch.Tensor,
        words: torch.Tensor,
        *,
        tokens: torch.Tensor,
        finished: list[list[tuple[float, list[int]]]],
        open_lines: torch.Tensor,
        end: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Move ended beams to `finished`, close complete lines, keep the best k of the rest.

        best, parents, words: (b, 2k) scores, beam of origin and token, best first.
        Returns scores (b, k), rows of `tokens` to continue (b * k,), and their new tokens (b * k,).
        """
        b, k = len(finished), self.beams
        scores = torch.full((b, k), -torch.inf, device=best.device)
        rows = torch.arange(b * k, device=best.device).view(b, k)
        picked = torch.full((b, k), end, device=best.device)
        for line in range(b):
            if not open_lines[line]:
                continue
            slot = 0
            candidates = zip(best[line].tolist(), parents[line].tolist(), words[line].tolist(), strict=True)
            for rank, (score, parent, word) in enumerate(candidates):
                if score == -math.inf:
                    break
                if word == end:
                    if rank < k:
                        ids = tokens[line * k + parent, 1:].tolist()
                        finished[line].append((score / (len(ids) + 1) ** self.length_penalty, ids))
                elif slot < k:
                    scores[line, slot], rows[line, slot], picked[line, slot] = score, line * k + parent, word
                    slot += 1
            if len(finished[line]) >= k or slot == 0:
                open_lines[line] = False
        return scores, rows.flatten(), picked.flatten()

    def _keep_unfinished(
        self, finished: list[list[tuple[float, list[int]]]], scores: torch.Tensor, tokens: torch.Tensor
    ) -> None:
        """Lines on which no beam ended keep their longest-running best one, for the guard to judge."""
        for line, found in enumerate(finished):
            if not found:
                ids = tokens[line * self.beams, 1:].tolist()
                found.append((float(scores[line, 0]) / max(len(ids), 1), ids))
