"""Training of character n-gram models with modified Kneser-Ney smoothing, pruned to a given size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ocr.errors import ConfigError, DataError
from ocr.text.ngram import LOG_STEP, hash_contexts
from ocr.text.tokenizer import CharTokenizer

MAX_ORDER = 8
"""Characters of the longest n-gram: the number of bytes of an integer."""
CONTEXT_BYTES, ENTRY_BYTES = 13, 2
"""Bytes of a stored context and of each character stored after it."""
MIN_WEIGHT = 1e-3
"""Lowest share that a context leaves to the shorter one, so that no character is impossible."""


@dataclass
class Level:
    """N-grams of one length. A packed n-gram is an integer with one byte per character, the last one lowest."""

    grams: np.ndarray
    """(g,) uint64 packed n-grams, sorted, hence grouped by context."""
    contexts: np.ndarray
    """(c,) uint64 packed contexts, sorted."""
    first: np.ndarray
    """(c,) index of the first n-gram of each context."""
    sizes: np.ndarray
    """(c,) number of n-grams of each context."""
    share: np.ndarray
    """(g,) discounted share of the n-gram's last character after its context."""
    weight: np.ndarray
    """(c,) share that the context leaves to the shorter context."""
    probability: np.ndarray
    """(g,) interpolated probability of the n-gram's last character."""
    gain: np.ndarray
    """(c,) nats by which the training text is likelier with the context than with the shorter one."""

    @property
    def bytes(self) -> np.ndarray:
        """(c,) size of each context when stored."""
        return CONTEXT_BYTES + ENTRY_BYTES * self.sizes


def train(
    texts: Iterable[str], tokenizer: CharTokenizer, *, order: int, max_bytes: int
) -> dict[str, np.ndarray]:
    """Train a model with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999).

    Contexts are kept by what they gain per byte, until the model has the wanted size; a context is kept only with
    all its beginnings. Texts with characters unknown to the tokenizer are left out; a text counts as preceded by
    spaces.

    Args:
        order: longest n-gram, up to `MAX_ORDER`. max_bytes: size of the model.
    Returns:
        Arrays that `CharNgram` loads from a safetensors file.
    Raises:
        ConfigError: the order or the tokenizer does not suit. DataError: there is no text.
    """
    if not 1 <= order <= MAX_ORDER or tokenizer.size > 256:
        raise ConfigError(
            f"order={order}, {tokenizer.size} characters: expected 1..{MAX_ORDER} and at most 256"
        )
    space = tokenizer.encode(" ")[0]
    ids = _stream(texts, tokenizer, order=order, space=space)
    counts = [_count(ids, length, space=space) for length in range(1, order + 1)]
    levels: list[Level] = []
    for number, (grams, seen) in enumerate(counts):
        continued = seen if number == order - 1 else _continuations(grams, counts[number + 1][0], number + 1)
        lower = np.full(len(grams), 1 / tokenizer.size) if not levels else _shorter(levels[-1], grams, number)
        levels.append(_smooth(grams, continued, seen, lower))
    return _pack(levels, _choose(levels, max_bytes), tokenizer.size)


def _stream(texts: Iterable[str], tokenizer: CharTokenizer, *, order: int, space: int) -> np.ndarray:
    """Concatenate the ids of all texts as uint8, each text preceded by spaces and followed by one."""
    parts = [
        bytes([space] * (order - 1) + tokenizer.encode(text) + [space])
        for text in texts
        if not tokenizer.missing(text)
    ]
    if not parts:
        raise DataError("no text to train on: every line is empty or holds unknown characters")
    return np.frombuffer(b"".join(parts), np.uint8)


def _count(ids: np.ndarray, length: int, *, space: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the packed n-grams of a length, sorted; those that end within padding are left out."""
    ends = np.arange(length - 1, len(ids))
    before = np.where(ends > 0, ids[ends - 1], space)
    ends = ends[(ids[ends] != space) | (before != space)]
    packed = np.zeros(len(ends), np.uint64)
    for back in range(length - 1, -1, -1):
        packed = (packed << np.uint64(8)) | ids[ends - back]
    return np.unique(packed, return_counts=True)


def _continuations(grams: np.ndarray, longer: np.ndarray, length: int) -> np.ndarray:
    """Count the different characters that precede each n-gram, at least 1."""
    tails, number = np.unique(longer & _low_bytes(length), return_counts=True)
    result = np.ones(len(grams), np.int64)
    at = np.minimum(np.searchsorted(grams, tails), len(grams) - 1)
    found = grams[at] == tails
    result[at[found]] = number[found]
    return result


def _shorter(level: Level, grams: np.ndarray, length: int) -> np.ndarray:
    """Look up the probability of the last character of each n-gram after the context without its first character."""
    at = np.minimum(np.searchsorted(level.grams, grams & _low_bytes(length)), len(level.grams) - 1)
    return level.probability[at]


def _low_bytes(count: int) -> np.uint64:
    return np.uint64((1 << (8 * count)) - 1)


def _smooth(grams: np.ndarray, counts: np.ndarray, seen: np.ndarray, lower: np.ndarray) -> Level:
    """Discount the counts of one length and interpolate with the probabilities of the shorter contexts."""
    contexts, first, sizes = np.unique(grams >> np.uint64(8), return_index=True, return_counts=True)
    discount = _discounts(counts)[np.minimum(counts, 3)]
    totals = np.add.reduceat(counts, first).astype(np.float64)
    weight = np.maximum(np.add.reduceat(discount, first) / totals, MIN_WEIGHT)
    share = (counts - discount) / np.repeat(totals, sizes)
    share *= np.repeat((1 - weight) / np.maximum(np.add.reduceat(share, first), 1e-12), sizes)
    probability = share + np.repeat(weight, sizes) * lower
    gain = np.add.reduceat(seen * np.log(probability / lower), first)
    return Level(grams, contexts, first, sizes, share, weight, probability, gain)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Estimate (4,) discounts of counts 0, 1, 2, and 3 and above, from the numbers of n-grams seen 1 to 4 times."""
    ones, twos, threes, fours = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    if not ones or not twos or not threes or not fours:
        # Too little text, or too few different characters, to estimate more than one discount.
        return np.array([0, 0.5, 0.5, 0.5])
    y = ones / (ones + 2 * twos)
    found = [0, 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes]
    return np.clip(found, (0, 0.05, 0.05, 0.05), (0, 0.95, 1.9, 2.85))


def _choose(levels: list[Level], max_bytes: int) -> list[np.ndarray]:
    """Select the contexts of each level that gain most per byte, by bisection on the lowest gain."""
    low, high = 1e-6, 1e6
    for _ in range(40):
        middle = (low * high) ** 0.5
        kept = _above(levels, middle)
        size = sum(int(level.bytes[keep].sum()) for level, keep in zip(levels, kept, strict=True))
        low, high = (middle, high) if size > max_bytes else (low, middle)
    return _above(levels, high)


def _above(levels: list[Level], min_gain: float) -> list[np.ndarray]:
    """Select the contexts that gain at least `min_gain` nats per byte, and the beginnings of such contexts."""
    kept: list[np.ndarray] = []
    wanted = np.zeros(0, np.uint64)
    for level in reversed(levels):
        keep = level.gain / level.bytes >= min_gain
        at = np.minimum(np.searchsorted(level.contexts, wanted), len(level.contexts) - 1)
        keep[at[level.contexts[at] == wanted]] = True
        kept.append(keep)
        wanted = np.unique(level.contexts[keep] >> np.uint64(8))
    kept.reverse()
    kept[0][:] = True
    return kept


def _pack(levels: list[Level], kept: list[np.ndarray], size: int) -> dict[str, np.ndarray]:
    """Pack the kept contexts into the arrays of a model file."""
    keys, sizes, weights, ids, shares = [], [], [], [], []
    for length, (level, keep) in enumerate(zip(levels, kept, strict=True)):
        contexts = level.contexts[keep]
        places = [(contexts >> np.uint64(8 * back)) & np.uint64(255) for back in range(length - 1, -1, -1)]
        keys.append(hash_contexts(np.stack(places, 1) if places else np.zeros((len(contexts), 0), np.uint64)))
        entries = np.repeat(keep, level.sizes)
        sizes.append(level.sizes[keep])
        weights.append(level.weight[keep])
        ids.append((level.grams[entries] & np.uint64(255)).astype(np.uint8))
        shares.append(level.share[entries])
    all_sizes = np.concatenate(sizes)
    order = np.argsort(all_keys := np.concatenate(keys), kind="stable")
    offsets = np.concatenate(([0], np.cumsum(all_sizes)))
    picks = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in order])
    return {
        "order": np.array([len(levels)]),
        "size": np.array([size]),
        "keys": all_keys[order],
        "starts": np.concatenate(([0], np.cumsum(all_sizes[order]))).astype(np.uint32),
        "weights": _levels(np.concatenate(weights)[order]),
        "ids": np.concatenate(ids)[picks],
        "shares": _levels(np.concatenate(shares)[picks]),
    }


def _levels(shares: np.ndarray) -> np.ndarray:
    """Quantize shares to uint8 steps of their negative logarithm."""
    return np.clip(np.rint(-np.log(np.maximum(shares, 1e-30)) / LOG_STEP), 0, 255).astype(np.uint8)
