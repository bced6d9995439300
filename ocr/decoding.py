"""From network outputs to text: CTC with or without a language model, greedy, beam and joint decoding.

Every strategy maps (model, encoded batch, tokenizers) to one `Hypothesis` a line; validation, evaluation and
inference share them. The autoregressive strategies carry a guard: where the CTC head finds the decoder's text
far less likely than its own reading (repeats, runaway or invented text), the CTC reading is returned. A model
without a CTC head (`ctc_tokenizer` None) is read by its decoder alone, without guard and alignment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from ocr.errors import ConfigError
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.ngram import CharNgram
from ocr.text.tokenizer import SPECIALS, CharTokenizer, Tokenizer


@dataclass
class CharacterSpan:
    """A character and where it lies: pixel columns [start, end) of the preprocessed line; confidence in [0, 1]."""

    character: str
    start: float
    end: float
    confidence: float


@dataclass
class Hypothesis:
    """The reading of one line. `confidence`: geometric mean of its characters' probabilities (its tokens', where
    the model has no CTC head), 0 if empty."""

    text: str
    confidence: float
    characters: list[CharacterSpan] = field(default_factory=list)
    fell_back: bool = False
    """True where the guard replaced the decoder's text by the CTC reading."""


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


def ctc_collapse(best: np.ndarray) -> list[tuple[int, int, int]]:
    """Collapse a best path (t,) of ids: runs of one id become (id, first column, last column + 1); blanks go."""
    change = np.flatnonzero(np.diff(best)) + 1
    starts = np.concatenate(([0], change)).astype(int) if len(best) else np.zeros(0, int)
    ends = np.concatenate((change, [len(best)])).astype(int) if len(best) else np.zeros(0, int)
    return [(int(best[s]), int(s), int(e)) for s, e in zip(starts, ends, strict=True) if best[s] != 0]


def align(log_probs: np.ndarray, ids: list[int]) -> list[tuple[int, int]]:
    """Most likely CTC alignment of a known text (Viterbi over blank-interleaved states).

    Args:
        log_probs: (t, v) float. ids: the text, no blanks.
    Returns:
        (first column, last column + 1) of each id; an even division of the columns where the text cannot fit.
    """
    t, n = len(log_probs), len(ids)
    if n == 0:
        return []
    if t < n + sum(a == b for a, b in zip(ids, ids[1:], strict=False)):
        edges = np.linspace(0, t, n + 1)
        return [(int(a), int(math.ceil(b))) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    states = np.zeros(2 * n + 1, dtype=int)
    states[1::2] = ids
    skip = np.zeros(2 * n + 1, dtype=bool)
    skip[3::2] = states[3::2] != states[1:-2:2]
    emit = log_probs[:, states]
    score = np.full(2 * n + 1, -np.inf)
    score[:2] = emit[0, :2]
    back = np.zeros((t, 2 * n + 1), dtype=np.int8)
    for column in range(1, t):
        one = np.concatenate(([-np.inf], score[:-1]))
        two = np.where(skip, np.concatenate(([-np.inf, -np.inf], score[:-2])), -np.inf)
        options = np.stack((score, one, two))
        back[column] = options.argmax(0)
        score = options.max(0) + emit[column]
    state = 2 * n if score[2 * n] >= score[2 * n - 1] else 2 * n - 1
    first, last = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    for column in range(t - 1, -1, -1):
        if state % 2:
            index = state // 2
            first[index] = column
            last[index] = max(last[index], column + 1)
        state -= int(back[column, state])
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _spans(
    text_ids: list[int],
    runs: list[tuple[int, int]],
    log_probs: np.ndarray,
    tokenizer: CharTokenizer,
    stride: int,
) -> list[CharacterSpan]:
    """Character spans: boundaries lie halfway between the runs of neighbouring characters."""
    spans = []
    width = len(log_probs)
    mean = float(np.mean([e - s for s, e in runs])) if runs else 0.0
    pitch = (runs[-1][1] - runs[0][0]) / max(len(runs), 1) if runs else mean
    for index, (identity, (start, end)) in enumerate(zip(text_ids, runs, strict=True)):
        left = (runs[index - 1][1] + start) / 2 if index else max(0.0, start - pitch / 2)
        right = (
            (end + runs[index + 1][0]) / 2 if index + 1 < len(runs) else min(float(width), end + pitch / 2)
        )
        confidence = float(np.exp(log_probs[start:end, identity].max())) if end > start else 0.0
        spans.append(CharacterSpan(tokenizer.decode([identity]), left * stride, right * stride, confidence))
    return spans


def _trimmed(spans: list[CharacterSpan]) -> list[CharacterSpan]:
    """Without spaces at either end."""
    inked = [index for index, span in enumerate(spans) if span.character != " "]
    return spans[inked[0] : inked[-1] + 1] if inked else []


def _even_spans(text: str, width: float, confidence: float) -> list[CharacterSpan]:
    """The characters of a text side by side, all equally wide: all that can be said without an alignment."""
    edges = np.linspace(0, width, len(text) + 1).tolist()
    return [
        CharacterSpan(character, start, end, confidence)
        for character, start, end in zip(text, edges, edges[1:], strict=False)
    ]


def _line_confidence(spans: list[CharacterSpan]) -> float:
    if not spans:
        return 0.0
    return float(np.exp(np.mean([np.log(max(span.confidence, 1e-6)) for span in spans])))


def _ctc_log_probs(model: Recognizer, encoded: Encoded) -> list[np.ndarray]:
    """Per line: (t, v) float32 log-probabilities of its valid columns."""
    log_probs = model.ctc_logits(encoded).float().log_softmax(-1).cpu().numpy()
    return [row[:length] for row, length in zip(log_probs, encoded.lengths.tolist(), strict=True)]


class CtcGreedy:
    """Best path of the CTC head: the most likely character of each column, collapsed (Graves et al. 2006)."""

    def __call__(
        self, model: Recognizer, encoded: Encoded, ctc_tokenizer: CharTokenizer, tokenizer: Tokenizer | None
    ) -> list[Hypothesis]:
        """Read every line of the batch; `tokenizer` is not used."""
        return [
            self._read(log_probs, ctc_tokenizer, encoded.stride)
            for log_probs in _ctc_log_probs(model, encoded)
        ]

    @staticmethod
    def _read(log_probs: np.ndarray, tokenizer: CharTokenizer, stride: int) -> Hypothesis:
        found = ctc_collapse(log_probs.argmax(-1))
        spans = _spans([f[0] for f in found], [f[1:] for f in found], log_probs, tokenizer, stride)
        spans = _trimmed(spans)
        return Hypothesis("".join(span.character for span in spans), _line_confidence(spans), spans)


class CtcBeam:
    """Prefix beam search over the CTC head with a character language model (Hannun et al. 2014).

    Without a language model (`ngram=None`) it sums the alignments of each text, no more.

    Args:
        ngram: gives the log-probabilities of the next character. beams: texts kept a column.
        weight: of the language model's log-probability. bonus: added a character, against short texts.
        threshold: characters less likely than this in a column are not tried.
    """

    def __init__(
        self,
        ngram: CharNgram | None = None,
        *,
        beams: int = 12,
        weight: float = 0.45,
        bonus: float = 0.7,
        threshold: float = 1e-3,
    ) -> None:
        self.ngram = ngram
        self.beams = beams
        self.weight = weight
        self.bonus = bonus
        self.threshold = math.log(threshold)

    def __call__(
        self, model: Recognizer, encoded: Encoded, ctc_tokenizer: CharTokenizer, tokenizer: Tokenizer | None
    ) -> list[Hypothesis]:
        """Read every line of the batch; `tokenizer` is not used."""
        hypotheses = []
        for log_probs in _ctc_log_probs(model, encoded):
            ids = self._search(log_probs, ctc_tokenizer.encode(" ")[0])
            spans = _spans(ids, align(log_probs, ids), log_probs, ctc_tokenizer, encoded.stride)
            spans = _trimmed(spans)
            hypotheses.append(Hypothesis("".join(s.character for s in spans), _line_confidence(spans), spans))
        return hypotheses

    def _search(self, log_probs: np.ndarray, space: int) -> list[int]:
        """log_probs: (t, v). Returns the ids of the best text."""
        start = (space,) * ((self.ngram.order - 1) if self.ngram else 1)
        # prefix -> [log p of alignments ending in blank, ... in the last character, language model score]
        beams: dict[tuple[int, ...], list[float]] = {start: [0.0, -math.inf, 0.0]}
        for column in log_probs:
            blank = float(column[0])
            tried = np.flatnonzero(column > self.threshold)
            characters = [(int(i), float(column[i])) for i in tried if i >= SPECIALS]
            grown: dict[tuple[int, ...], list[float]] = {}
            for prefix, (ends_blank, ends_char, language) in beams.items():
                total = _add(ends_blank, ends_char)
                last = prefix[-1] if len(prefix) > len(start) else -1
                entry = grown.setdefault(prefix, [-math.inf, -math.inf, language])
                entry[0] = _add(entry[0], total + blank)
                following = None
                for character, score in characters:
                    if character == last:
                        entry[1] = _add(entry[1], ends_char + score)
                        arrival = ends_blank + score
                    else:
                        arrival = total + score
                    if arrival == -math.inf:
                        continue
                    longer = (*prefix, character)
                    found = grown.get(longer)
                    if found is None:
                        if self.ngram is not None and following is None:
                            following = self.ngram.log_probs(prefix)
                        gain = self.weight * float(following[character]) if following is not None else 0.0
                        found = grown[longer] = [-math.inf, -math.inf, language + gain + self.bonus]
                    found[1] = _add(found[1], arrival)
            ranked = sorted(grown.items(), key=lambda item: -(_add(item[1][0], item[1][1]) + item[1][2]))
            beams = dict(ranked[: self.beams])
        return list(next(iter(beams))[len(start) :])


def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))"""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


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
            _ctc_log_probs(model, encoded), candidates, readings, strict=True
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
        spans = _spans(chosen, align(log_probs, chosen), log_probs, ctc_tokenizer, stride)
        return Hypothesis(text, _line_confidence(spans), spans)

    @staticmethod
    def _decoder_alone(texts: list[tuple[str, float]], width: float) -> Hypothesis:
        """The best of one line's candidates (text, score a token), its characters spread over `width` pixels."""
        text, score = texts[0]
        text = text.strip()
        if not text:
            return Hypothesis("", 0.0)
        confidence = min(math.exp(score), 1.0)
        return Hypothesis(text, confidence, _even_spans(text, width, confidence))

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


def ctc_scores(log_probs: np.ndarray, texts: list[list[int]]) -> list[float]:
    """Log-probability of each text under one line's CTC output (t, v), summed over alignments; -inf if too long."""
    n = len(texts)
    rows = torch.from_numpy(log_probs)[:, None].expand(-1, n, -1)
    lengths = torch.tensor([len(ids) for ids in texts])
    flat = torch.tensor([i for ids in texts for i in ids], dtype=torch.long)
    columns = torch.full((n,), len(log_probs))
    return (-F.ctc_loss(rows, flat, columns, lengths, reduction="none")).tolist()


DECODERS: dict[str, Callable[[CharNgram | None], DecodingStrategy]] = {
    "ctc": lambda ngram: CtcGreedy(),
    "ctc_beam": CtcBeam,
    "greedy": lambda ngram: Autoregressive(beams=1),
    "beam": lambda ngram: Autoregressive(beams=4),
    "joint": lambda ngram: Autoregressive(beams=4, ctc_weight=0.5),
}

WITHOUT_CTC = ("greedy", "beam")
"""The strategies that a model without a CTC head can use."""


def get_decoder(name: str, *, ngram: CharNgram | None = None) -> DecodingStrategy:
    """The strategy called `name`; `ngram` serves `ctc_beam`. Raises ConfigError listing the known names."""
    if name not in DECODERS:
        raise ConfigError(f"unknown decode={name!r}: choose from {', '.join(DECODERS)}")
    return DECODERS[name](ngram)
