"""A character n-gram language model: what letters are likely to follow, for CTC beam search.

Witten-Bell interpolation (Witten & Bell 1991): the distribution after a context mixes its own counts with the
distribution after the context without its first character, down to the uniform one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ocr.errors import ConfigError
from ocr.text.tokenizer import ASSETS, CharTokenizer

MAX_STATES = 40_000
"""States of a table (1.5 kB each) after which a new one is begun."""

_OFFSET, _MULTIPLIER, _WORD = 14_695_981_039_346_656_037, 1_099_511_628_211, 2**64 - 1


class CharNgram:
    """Distributions over the ids of a `CharTokenizer`, given the ids before.

    Args:
        file: path of a model, or the name of one that ships with the package.
    Raises:
        ConfigError: no such file, or not an n-gram model.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        found = [path for path in (Path(file), ASSETS / file) if path.is_file()]
        if not found:
            raise ConfigError(f"n-gram model {file!r}: no such file")
        try:
            arrays = load_file(found[0])
            self.order = int(arrays["order"][0])
            self.size = int(arrays["size"][0])
            self._keys, self._starts = arrays["keys"], arrays["starts"]
            self._ids, self._counts = arrays["ids"], arrays["counts"]
        except (SafetensorError, KeyError) as error:
            raise ConfigError(f"n-gram model {file!r}: not an n-gram model ({error})") from error
        self._tables: tuple[dict[int, int], np.ndarray, np.ndarray] | None = None
        self._states: NgramStates | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Copies and other processes make their own tables."""
        return self.__dict__ | {"_tables": None, "_states": None}

    def config(self) -> dict[str, str]:
        """`_target_` dict; the model itself stays a file."""
        return {"_target_": "ocr.text.ngram.CharNgram", "file": self.file}

    def states(self) -> NgramStates:
        """The table to look distributions up in, shared by all who ask until it has grown too large."""
        if self._states is None or len(self._states) > MAX_STATES:
            self._states = NgramStates(self)
        return self._states

    def log_probs(self, context: Sequence[int]) -> np.ndarray:
        """(size,) float32 natural log-probabilities of the next id; only the last `order - 1` ids count."""
        states = self.states()
        return states.log_probs(np.array(states.find(context)), np.arange(self.size))

    def text_log_probs(self, ids: Sequence[int], *, space: int) -> np.ndarray:
        """(n,) float32 natural log-probability of each id of a text after those before it, and spaces before."""
        states = self.states()
        state, path = states.start(space), []
        for identity in ids:
            path.append(state)
            state = states.after(state, identity)
        return states.log_probs(np.array(path, np.int64), np.array(ids, np.int64))

    def counted(self, context: tuple[int, ...]) -> tuple[float, np.ndarray, np.ndarray] | None:
        """What was seen after a context: the weight of the shorter context, ids, and their shares of the rest.

        None where the context was seen too rarely to be kept.
        """
        if self._tables is None:
            # Made on first use: most of who loads a bundle never searches with it.
            sizes = np.diff(self._starts.astype(np.int64))
            totals = np.add.reduceat(self._counts, self._starts[:-1], dtype=np.float64) + sizes
            shares = (self._counts / np.repeat(totals, sizes)).astype(np.float32)
            rows = {key: row for row, key in enumerate(self._keys.tolist())}
            self._tables = rows, (sizes / totals).astype(np.float32), shares
        rows, weights, shares = self._tables
        row = rows.get(_hash_one(context))
        if row is None:
            return None
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        return weights[row], self._ids[start:end], shares[start:end]


class NgramStates:
    """An n-gram model as a machine: a state is a counted context, an id leads from one to the next.

    Rows are made when they are first needed, so that a search finds most of what it asks for in two arrays.
    Several threads may use one table.
    """

    def __init__(self, ngram: CharNgram) -> None:
        self._ngram = ngram
        self._lock = threading.Lock()
        self._contexts: list[tuple[int, ...]] = [()]
        self._shorter = [0]
        self._rows = np.zeros((1024, ngram.size), np.float32)
        self._next = np.full((1024, ngram.size), -1, np.int32)
        self._rows[0] = 1 / ngram.size
        if (seen := ngram.counted(())) is not None:
            self._mix(0, 0, *seen)

    def __len__(self) -> int:
        return len(self._contexts)

    def log_probs(self, states: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Natural log-probability of each of the `ids` after each of the `states`; shapes broadcast, float32."""
        return np.log(self._rows[states, ids])

    def find(self, context: Sequence[int]) -> int:
        """The state after these ids: the longest ending of them that was counted."""
        state = 0
        for identity in context[max(0, len(context) - self._ngram.order + 1) :]:
            state = self.after(state, identity)
        return state

    def start(self, space: int) -> int:
        """The state before a text, which is taken to follow spaces."""
        return self.find([space] * (self._ngram.order - 1))

    def after(self, state: int, identity: int) -> int:
        """The state that an id leads to."""
        with self._lock:
            return self._follow(state, identity)

    def advance(self, states: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """(n,) states and (n,) ids that follow them: the (n,) states after those."""
        following = self._next[states, ids]
        missing = np.flatnonzero(following < 0)
        if len(missing):
            with self._lock:
                for index in missing.tolist():
                    following[index] = self._follow(int(states[index]), int(ids[index]))
        return following

    def _follow(self, state: int, identity: int) -> int:
        """The state after a state and one more id."""
        if (known := int(self._next[state, identity])) >= 0:
            return known
        context = (*self._contexts[state], identity)
        number = self._follow(self._shorter[state], identity) if state else 0
        seen = self._ngram.counted(context) if len(context) < self._ngram.order else None
        if seen is not None:
            number = self._add(context, number, *seen)
        self._next[state, identity] = number
        return number

    def _add(
        self, context: tuple[int, ...], shorter: int, weight: float, ids: np.ndarray, shares: np.ndarray
    ) -> int:
        """A new state, whose distribution mixes its own counts with that of the state `shorter`."""
        number = len(self._contexts)
        if number == len(self._rows):
            # The old arrays stay as they are for a thread that is reading them.
            self._rows = np.concatenate((self._rows, np.zeros_like(self._rows)))
            self._next = np.concatenate((self._next, np.full_like(self._next, -1)))
        self._mix(number, shorter, weight, ids, shares)
        self._contexts.append(context)
        self._shorter.append(shorter)
        return number

    def _mix(self, number: int, shorter: int, weight: float, ids: np.ndarray, shares: np.ndarray) -> None:
        row = self._rows[shorter] * weight
        row[ids] += shares
        self._rows[number] = row


def train(
    texts: Iterable[str], tokenizer: CharTokenizer, *, order: int, minimum: int
) -> dict[str, np.ndarray]:
    """Count n-grams of up to `order` characters; contexts followed fewer than `minimum` times are dropped.

    A text's beginning is padded with spaces. Texts with characters unknown to the tokenizer are left out.
    """
    space = tokenizer.encode(" ")[0]
    stream: list[int] = []
    for text in texts:
        if not tokenizer.missing(text):
            stream += [space] * (order - 1) + tokenizer.encode(text) + [space]
    ids = np.array(stream, np.uint64)
    keys, starts, following, counts = [], [], [], []
    for length in range(order):
        windows = np.lib.stride_tricks.sliding_window_view(ids, length + 1)
        # A context that is all padding and another space tells nothing.
        windows = windows[windows[:, -1] != space] if length == 0 else windows
        hashed = _hash(windows[:, :length])
        pairs, pair_counts = np.unique(
            np.stack([hashed, windows[:, -1]], 1).view([("h", "u8"), ("c", "u8")]).ravel(), return_counts=True
        )
        contexts, first, totals = np.unique(pairs["h"], return_index=True, return_counts=True)
        sums = np.add.reduceat(pair_counts, first)
        keep = np.repeat(sums >= minimum, totals)
        keys.append(contexts[sums >= minimum])
        starts.append(totals[sums >= minimum])
        following.append(pairs["c"][keep].astype(np.uint8))
        counts.append(np.minimum(pair_counts[keep], 65535).astype(np.uint16))
    all_keys, sizes = np.concatenate(keys), np.concatenate(starts)
    order_of = np.argsort(all_keys, kind="stable")
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    picks = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in order_of])
    return {
        "order": np.array([order]),
        "size": np.array([tokenizer.size]),
        "keys": all_keys[order_of],
        "starts": np.concatenate(([0], np.cumsum(sizes[order_of]))).astype(np.uint32),
        "ids": np.concatenate(following)[picks],
        "counts": np.concatenate(counts)[picks],
    }


def _hash(windows: np.ndarray) -> np.ndarray:
    """(n, length) ids -> (n,) uint64, different for different lengths (FNV-1a on whole ids)."""
    value = np.full(len(windows), _OFFSET + windows.shape[1], np.uint64)
    for column in range(windows.shape[1]):
        value = (value ^ windows[:, column].astype(np.uint64)) * np.uint64(_MULTIPLIER)
        value ^= value >> np.uint64(29)
    return value


def _hash_one(window: tuple[int, ...]) -> int:
    """`_hash` of a single window, without the cost of arrays."""
    value = _OFFSET + len(window)
    for identity in window:
        value = ((value ^ identity) * _MULTIPLIER) & _WORD
        value ^= value >> 29
    return value
