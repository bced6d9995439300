"""A character n-gram language model for CTC beam search.

The distribution after a context mixes the context's own shares with the distribution after the context without its
first character, down to the uniform one. `ocr.text.ngram_training` makes such models.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ocr.errors import ConfigError
from ocr.text.tokenizer import ASSETS

MAX_STATES = 40_000
"""Number of states in a table (1.5 kB each) beyond which a new table is started."""

LOG_STEP = 0.06
"""Nats per step of a stored share."""

ADDRESS = 1
"""State of all addresses, in tables that tell them from other text."""

ADDRESS_SCORE, ADDRESS_END_SCORE = -2.07, -4.0
"""Scores of a character in an address, the mean of characters of validation texts (2.98 bits), and of the space after
it."""

_NONE = np.zeros(0, np.int64)

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
        found = [path for path in (ASSETS / file, Path(file)) if path.is_file()]
        if not found:
            raise ConfigError(f"n-gram model {file!r}: no such file")
        try:
            arrays = load_file(found[0])
            self.order = int(arrays["order"][0])
            self.size = int(arrays["size"][0])
            self._keys, self._starts = arrays["keys"], arrays["starts"]
            self._ids = arrays["ids"]
            self._stored = _stored_shares(arrays)
        except (SafetensorError, KeyError) as error:
            raise ConfigError(f"n-gram model {file!r}: not an n-gram model ({error})") from error
        self._tables: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None
        self._states: dict[Addresses | None, NgramStates] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the tables; copies and other processes build their own."""
        return self.__dict__ | {"_tables": None, "_states": {}}

    def config(self) -> dict[str, str]:
        """Return a `_target_` dict that names the file of the model."""
        return {"_target_": "ocr.text.ngram.CharNgram", "file": self.file}

    def states(self, addresses: Addresses | None = None) -> NgramStates:
        """Return the table of distributions, which is shared until it has grown too large."""
        table = self._states.get(addresses)
        if table is None or len(table) > MAX_STATES:
            table = self._states[addresses] = NgramStates(self, addresses)
        return table

    def log_probs(self, context: Sequence[int]) -> np.ndarray:
        """Compute (size,) float32 natural log-probabilities of the next id; only the last `order - 1` ids count."""
        states = self.states()
        return states.log_probs(np.array(states.find(context)), np.arange(self.size))

    def text_log_probs(self, ids: Sequence[int], *, space: int) -> np.ndarray:
        """Compute (n,) float32 natural log-probabilities of the ids of a text that is preceded by spaces."""
        states = self.states()
        state, path = states.start(space), []
        for identity in ids:
            path.append(state)
            state = states.after(state, identity)
        return states.log_probs(np.array(path, np.int64), np.array(ids, np.int64))

    def counted(self, context: tuple[int, ...]) -> tuple[float, np.ndarray, np.ndarray] | None:
        """Look up a context: the weight of the shorter context, the ids that follow, and their shares of the rest.

        Returns:
            None where the context was too rare to be kept.
        """
        if self._tables is None:
            # Built on first use: most programs that load a bundle do not search with it.
            weights, shares = self._stored
            if shares.dtype == np.uint8:
                weights, shares = (np.exp(-LOG_STEP * levels.astype(np.float32)) for levels in self._stored)
            # Sorted arrays take a tenth of the memory and of the time to build of a dict.
            order = np.argsort(self._keys, kind="stable")
            self._tables = self._keys[order], order, weights, shares
        keys, rows, weights, shares = self._tables
        # As uint64, because NumPy would compare numbers of other types as fractions.
        key = np.uint64(_hash_one(context))
        place = int(np.searchsorted(keys, key))
        if place == len(keys) or keys[place] != key:
            return None
        row = int(rows[place])
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        return weights[row], self._ids[start:end], shares[start:end]


@dataclass(frozen=True)
class Addresses:
    """Ids that tell an address of a page: it goes from one of `marks`, such as `www`, to the next `space`."""

    marks: tuple[tuple[int, ...], ...]
    space: int


class NgramStates:
    """An n-gram model as a finite automaton: a state is a counted context, each id a transition.

    Rows are computed when they are first needed, so that most look-ups of a search are reads from two arrays.
    Several threads may use one table.

    Args:
        addresses: inside of these one state, whose scores are the same for all characters, takes the place of the
            contexts: words of a language say nothing about addresses, and would put spaces and capitals into them.
    """

    def __init__(self, ngram: CharNgram, addresses: Addresses | None = None) -> None:
        self._ngram = ngram
        self._addresses = addresses
        marks = () if addresses is None else addresses.marks
        self._begun = {mark[:length] for mark in marks for length in range(1, len(mark))}
        self._lock = threading.Lock()
        self._contexts: list[tuple[int, ...]] = [()]
        self._shorter = [0]
        self._rows = np.zeros((1024, ngram.size), np.float32)
        self._next = np.full((1024, ngram.size), -1, np.int32)
        self._rows[0] = 1 / ngram.size
        if (seen := ngram.counted(())) is not None:
            self._mix(0, 0, *seen)
        if addresses is not None:
            self._contexts.append(())
            self._shorter.append(0)
            self._rows[ADDRESS] = np.exp(ADDRESS_SCORE)
            self._rows[ADDRESS, addresses.space] = np.exp(ADDRESS_END_SCORE)
            self._next[ADDRESS] = ADDRESS
            self._next[ADDRESS, addresses.space] = self._follow(0, addresses.space)

    def __len__(self) -> int:
        return len(self._contexts)

    def log_probs(self, states: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Look up the float32 natural log-probabilities of `ids` after `states`; their shapes broadcast."""
        return np.log(self._rows[states, ids])

    def find(self, context: Sequence[int]) -> int:
        """Return the state after these ids: their longest ending that was counted."""
        state = 0
        for identity in context[max(0, len(context) - self._ngram.order + 1) :]:
            state = self.after(state, identity)
        return state

    def start(self, space: int) -> int:
        """Return the state before a text, which counts as preceded by spaces."""
        return self.find([space] * (self._ngram.order - 1))

    def after(self, state: int, identity: int) -> int:
        """Return the state after a state and one more id."""
        with self._lock:
            return self._follow(state, identity)

    def advance(self, states: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the (n,) states after (n,) states and (n,) ids."""
        following = self._next[states, ids]
        missing = np.flatnonzero(following < 0)
        if len(missing):
            with self._lock:
                for index in missing.tolist():
                    following[index] = self._follow(int(states[index]), int(ids[index]))
        return following

    def _follow(self, state: int, identity: int) -> int:
        """Return the next state and compute it on first use; the caller holds the lock."""
        if (known := int(self._next[state, identity])) >= 0:
            return known
        context = (*self._contexts[state], identity)
        if self._begun and any(context[-len(mark) :] == mark for mark in self._addresses.marks):
            self._next[state, identity] = ADDRESS
            return ADDRESS
        number = self._follow(self._shorter[state], identity) if state else 0
        seen = self._ngram.counted(context) if len(context) < self._ngram.order else None
        if seen is not None:
            number = self._add(context, number, *seen)
        elif context in self._begun:
            # Remembered although never counted, so that the rest of a mark is known when it comes.
            number = self._add(context, number, 1.0, _NONE, _NONE)
        self._next[state, identity] = number
        return number

    def _add(
        self, context: tuple[int, ...], shorter: int, weight: float, ids: np.ndarray, shares: np.ndarray
    ) -> int:
        """Add a state, whose distribution mixes its own counts with that of the state `shorter`."""
        number = len(self._contexts)
        if number == len(self._rows):
            # The old arrays stay unchanged, as other threads may be reading them.
            self._rows = np.concatenate((self._rows, np.zeros_like(self._rows)))
            self._next = np.concatenate((self._next, np.full_like(self._next, -1)))
        self._mix(number, shorter, weight, ids, shares)
        self._contexts.append(context)
        self._shorter.append(shorter)
        return number

    def _mix(self, number: int, shorter: int, weight: float, ids: np.ndarray, shares: np.ndarray) -> None:
        row = self._rows[shorter] * weight
        row[ids] += shares
        # Stored shares are rounded.
        self._rows[number] = row / row.sum()


def _stored_shares(arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Read the weights of shorter contexts and the shares of entries: as steps or, from files of counts, as numbers.

    Files of version 0.3 and before hold counts, smoothed as by Witten and Bell (1991).
    """
    if "shares" in arrays:
        return arrays["weights"], arrays["shares"]
    starts, counts = arrays["starts"], arrays["counts"]
    sizes = np.diff(starts.astype(np.int64))
    totals = np.add.reduceat(counts, starts[:-1], dtype=np.float64) + sizes
    return (sizes / totals).astype(np.float32), (counts / np.repeat(totals, sizes)).astype(np.float32)


def hash_contexts(windows: np.ndarray) -> np.ndarray:
    """Hash (n, length) ids to (n,) uint64, differently for different lengths (FNV-1a on whole ids)."""
    value = np.full(len(windows), _OFFSET + windows.shape[1], np.uint64)
    for column in range(windows.shape[1]):
        value = (value ^ windows[:, column].astype(np.uint64)) * np.uint64(_MULTIPLIER)
        value ^= value >> np.uint64(29)
    return value


def _hash_one(window: tuple[int, ...]) -> int:
    """Hash a single window as `hash_contexts` does, without the cost of arrays."""
    value = _OFFSET + len(window)
    for identity in window:
        value = ((value ^ identity) * _MULTIPLIER) & _WORD
        value ^= value >> 29
    return value
