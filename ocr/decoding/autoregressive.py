"""Decoding by the autoregressive decoder, guarded by the CTC head."""

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
from ocr.types import ImageBatch


class Autoregressive:
    """Beam search over the decoder's tokens; `beams=1` is greedy decoding.

    Without a CTC head (`ctc_tokenizer` None) the best text of the decoder is returned, with its characters spread
    evenly over the line.

    Args:
        beams: hypotheses kept per line. length_penalty: exponent of the length by which a score is divided.
        guard: nats per character by which the CTC reading may be likelier under the CTC head than the text of the
            decoder; beyond it, the CTC reading is returned.
    """

    def __init__(self, *, beams: int = 1, length_penalty: float = 1.0, guard: float = 1.0) -> None:
        self.beams = beams
        self.length_penalty = length_penalty
        self.guard = guard

    def __call__(
        self,
        model: Recognizer,
        encoded: Encoded,
        ctc_tokenizer: CharTokenizer | None,
        tokenizer: Tokenizer | None,
        images: ImageBatch | None = None,
    ) -> list[Hypothesis]:
        """Read every line of the batch; `images` are not used. Raises ConfigError if the model has no decoder."""
        if model.decoder is None or tokenizer is None:
            raise ConfigError("this model has no autoregressive decoder: use decode=ctc")
        if ctc_tokenizer is None:
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
        """Choose the best of one line's candidates (text, score), or the CTC reading where the guard rejects it."""
        usable = [text.strip() for text, _ in texts if not ctc_tokenizer.missing(text)]
        ctc_ids = ctc_tokenizer.encode(reading.text)
        text = usable[0] if usable else ""
        chosen = ctc_tokenizer.encode(text)
        score, ctc_score = ctc_scores(log_probs, [chosen, ctc_ids])
        if not usable or ctc_score - score > self.guard * max(len(chosen), len(ctc_ids), 1):
            return Hypothesis(reading.text, reading.confidence, reading.characters, fell_back=True)
        runs = align(log_probs, chosen)
        spans = character_spans(chosen, runs, log_probs, tokenizer=ctc_tokenizer, stride=stride)
        return Hypothesis(text, mean_confidence(spans), spans)

    @staticmethod
    def _decoder_alone(texts: list[tuple[str, float]], width: float) -> Hypothesis:
        """Return the best of one line's candidates (text, score per token), its characters spread over `width`."""
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
        """Search texts of up to `limit` tokens for all lines of a batch.

        Returns:
            For each line up to `beams` pairs (text, mean log-probability), best first.
        """
        decoder = model.decoder
        b, k, device = len(encoded.lengths), self.beams, encoded.features.device
        rows = torch.arange(b, device=device).repeat_interleave(k)
        cache = decoder.start(encoded.features, encoded.mask).select(rows)
        scores = torch.full((b, k), -torch.inf, device=device)
        scores[:, 0] = 0.0
        tokens = torch.full((b * k, 1), tokenizer.bos, dtype=torch.long, device=device)
        finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(b)]
        # Lines whose text is complete leave the batch; `running` holds the indices of the others.
        running = list(range(b))
        for _ in range(limit):
            log_probs = decoder.step(tokens[:, -1], cache).float().log_softmax(-1)
            log_probs[:, list(tokenizer.suppressed)] = -torch.inf
            candidates = _best_extensions(scores, log_probs)
            going = self._advance_all(
                candidates, tokens, [finished[line] for line in running], end=tokenizer.eos
            )
            if not going:
                return self._texts(finished, tokenizer)
            beams = [grown for _, grown in going]
            rows = [place * k + parent for place, grown in going for _, parent, _ in grown]
            rows = torch.tensor(rows, device=device)
            picked = torch.tensor([word for grown in beams for _, _, word in grown], device=device)
            scores = torch.tensor([[score for score, _, _ in grown] for grown in beams], device=device)
            tokens = torch.cat((tokens[rows], picked[:, None]), dim=1)
            if len(going) < len(running):
                cache = cache.select(rows)
            elif k > 1:
                cache = cache.reorder(rows)
            running = [running[place] for place, _ in going]
        for place, line in enumerate(running):
            if not finished[line]:
                # Unfinished texts are kept, as the guard can still reject them.
                ids = tokens[place * k, 1:].tolist()
                finished[line].append(
                    (float(scores[place, 0]) / max(len(ids), 1) ** self.length_penalty, ids)
                )
        return self._texts(finished, tokenizer)

    def _advance_all(
        self,
        candidates: list[list[tuple[float, int, int]]],
        tokens: torch.Tensor,
        finished: list[list[tuple[float, list[int]]]],
        *,
        end: int,
    ) -> list[tuple[int, list[tuple[float, int, int]]]]:
        """Advance all running lines by one token; see `_advance`.

        Returns:
            For each line that continues, its position among the running ones and `beams` beams, unused ones included.
        """
        k, going = self.beams, []
        for place, (found, ended) in enumerate(zip(candidates, finished, strict=True)):
            possible = [candidate for candidate in found if candidate[0] > -math.inf]
            grown = self._advance(possible, tokens[place * k : place * k + k, 1:], ended, end=end)
            if grown:
                going.append((place, grown + [(-math.inf, 0, end)] * (k - len(grown))))
        return going

    def _advance(
        self,
        candidates: list[tuple[float, int, int]],
        written: torch.Tensor,
        finished: list[tuple[float, list[int]]],
        *,
        end: int,
    ) -> list[tuple[float, int, int]]:
        """Advance one line by one token: move ended beams to `finished` and return the best k of the others.

        Args:
            candidates: up to 2k (score, beam of origin, token), best first. written: (k, l) texts of the beams.
        Returns:
            The beams that continue; none where the line is complete.
        """
        grown = []
        for rank, (score, parent, word) in enumerate(candidates):
            if word != end:
                grown.append((score, parent, word))
            elif rank < self.beams:
                ids = written[parent].tolist()
                finished.append((score / (len(ids) + 1) ** self.length_penalty, ids))
        return grown[: self.beams] if len(finished) < self.beams else []

    def _texts(
        self, finished: list[list[tuple[float, list[int]]]], tokenizer: Tokenizer
    ) -> list[list[tuple[str, float]]]:
        """Decode the best finished texts of each line, with their scores; an empty text where there is none."""
        nothing: list[tuple[float, list[int]]] = [(-math.inf, [])]
        return [
            [
                (tokenizer.decode(ids), score)
                for score, ids in sorted(found or nothing, key=lambda f: -f[0])[: self.beams]
            ]
            for found in finished
        ]


def _best_extensions(scores: torch.Tensor, log_probs: torch.Tensor) -> list[list[tuple[float, int, int]]]:
    """Choose the best extensions of the beams of each line, twice as many as beams, as half of them may end.

    Args:
        scores: (b, k) of the beams. log_probs: (b * k, v) of their next tokens.
    Returns:
        (score, beam of origin, token) for each line, best first.
    """
    (b, k), v = scores.shape, log_probs.shape[-1]
    total = (scores.view(-1, 1) + log_probs).view(b, k * v)
    best, flat = total.topk(min(2 * k, k * v), dim=-1)
    return [
        [(score, *divmod(choice, v)) for score, choice in zip(*pair, strict=True)]
        for pair in zip(best.tolist(), flat.tolist(), strict=True)
    ]
