"""CTC alignment: best paths, forced alignment, likelihoods of texts, and positions of characters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ocr.decoding.hypothesis import CharacterSpan
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.tokenizer import CharTokenizer


def ctc_log_probs(model: Recognizer, encoded: Encoded) -> list[np.ndarray]:
    """Compute, for each line, the (t, v) float32 log-probabilities of its valid columns."""
    log_probs = model.ctc_logits(encoded).float().log_softmax(-1).cpu().numpy()
    return [row[:length] for row, length in zip(log_probs, encoded.lengths.tolist(), strict=True)]


def ctc_collapse(best: np.ndarray) -> list[tuple[int, int, int]]:
    """Collapse a best path (t,) of ids into runs (id, first column, last column + 1) without blanks."""
    change = np.flatnonzero(np.diff(best)) + 1
    starts = np.concatenate(([0], change)).astype(int) if len(best) else np.zeros(0, int)
    ends = np.concatenate((change, [len(best)])).astype(int) if len(best) else np.zeros(0, int)
    return [(int(best[s]), int(s), int(e)) for s, e in zip(starts, ends, strict=True) if best[s] != 0]


def align(log_probs: np.ndarray, ids: list[int]) -> list[tuple[int, int]]:
    """Find the most likely CTC alignment of a known text (Viterbi over blank-interleaved states).

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


def ctc_scores(log_probs: np.ndarray, texts: list[list[int]]) -> list[float]:
    """Score texts by the CTC output (t, v) of one line.

    Returns:
        Log-probability of each text, summed over its alignments; -inf for a text with more characters than columns.
    """
    n = len(texts)
    rows = torch.from_numpy(log_probs)[:, None].expand(-1, n, -1)
    lengths = torch.tensor([len(ids) for ids in texts])
    flat = torch.tensor([i for ids in texts for i in ids], dtype=torch.long)
    columns = torch.full((n,), len(log_probs))
    return (-F.ctc_loss(rows, flat, columns, lengths, reduction="none")).tolist()


def character_edges(runs: Sequence[tuple[float, float]], *, end: float = math.inf) -> list[float]:
    """Place the boundaries of n aligned characters halfway between the runs of neighbors.

    The first and the last character extend half an average character beyond their runs, within 0 and `end`.

    Args:
        runs: (start, end) of each character, at least one.
    Returns:
        n + 1 boundaries.
    """
    (first, _), (_, last) = runs[0], runs[-1]
    pitch = (last - first) / len(runs)
    inner = [(before + after) / 2 for (_, before), (after, _) in zip(runs, runs[1:], strict=False)]
    return [max(0.0, first - pitch / 2), *inner, min(float(end), last + pitch / 2)]


def character_spans(
    ids: Sequence[int],
    runs: Sequence[tuple[int, int]],
    log_probs: np.ndarray,
    *,
    tokenizer: CharTokenizer,
    stride: int,
) -> list[CharacterSpan]:
    """Locate the characters of an aligned text, without spaces at either end.

    Boundaries are those of `character_edges`. The confidence is the highest probability within the run.

    Args:
        runs: (first column, last column + 1) of each id. log_probs: (t, v). stride: pixels per column.
    """
    if not ids:
        return []
    edges = character_edges(runs, end=len(log_probs))
    spans = [
        CharacterSpan(
            tokenizer.decode([identity]),
            left * stride,
            right * stride,
            float(np.exp(log_probs[start:end, identity].max(initial=-np.inf))),
        )
        for identity, (start, end), left, right in zip(ids, runs, edges, edges[1:], strict=False)
    ]
    inked = [index for index, span in enumerate(spans) if span.character != " "]
    return spans[inked[0] : inked[-1] + 1] if inked else []
