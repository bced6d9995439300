"""Unit selection (Hunt & Black 1996): spell a text with the longest pieces of the texts of a writer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

MAX_ATTEMPTS = 2000
"""Texts that are tried to be spelled before it is said that none can be."""

SEPARATOR = "\n"


@dataclass(frozen=True)
class Unit:
    """Some consecutive characters of a written text."""

    key: Hashable
    """Identifies the written text."""
    first: int
    """Index of the first character."""
    count: int


@dataclass
class _Written:
    """Texts of one writer, joined by separators."""

    keys: list[Hashable] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    text: str = SEPARATOR

    def add(self, key: Hashable, text: str) -> None:
        """Append a text."""
        self.keys.append(key)
        self.starts.append(len(self.text))
        self.text += text + SEPARATOR

    def unit(self, position: int, count: int) -> Unit:
        """Return the unit of `count` characters at a position of the joined texts."""
        line = int(np.searchsorted(self.starts, position, side="right")) - 1
        return Unit(self.keys[line], position - self.starts[line], count)


class Inventory:
    """Texts of each writer, from which other texts can be spelled.

    Args:
        texts: for each writer, (key, text) of everything written.
        min_text: characters that a writer must have written to be imitated.
        max_borrowed: largest share of characters that a writer lacks and takes from others.
    """

    def __init__(
        self,
        texts: Mapping[str, Iterable[tuple[Hashable, str]]],
        *,
        min_text: int,
        max_borrowed: float = 0.12,
    ) -> None:
        self.max_borrowed = max_borrowed
        self._written: dict[str, _Written] = {}
        for writer, items in texts.items():
            written = _Written()
            for key, text in items:
                written.add(key, text)
            if len(written.text) >= min_text:
                self._written[writer] = written
        self.writers = sorted(self._written)

    def select(
        self,
        rng: np.random.Generator,
        writer: str,
        text: str,
        *,
        max_piece: int,
        within_words: bool = False,
    ) -> list[Unit] | None:
        """Choose units that spell `text`; None where the writer lacks too many of its characters.

        Args:
            max_piece: longest unit in characters.
            within_words: leave spaces out, and let no unit cross one.
        """
        written = self._written[writer]
        units: list[Unit] = []
        at, borrowed = 0, 0
        padded = f" {text} "
        while at < len(text):
            if within_words and text[at] == " ":
                at += 1
                continue
            room = len(text) - at
            if within_words:
                room = text.index(" ", at) - at if " " in text[at:] else room
            for count in range(min(max_piece, room), 0, -1):
                if found := _occurrences(written.text, text[at : at + count]):
                    spot = _best(rng, written.text, found, padded[at], padded[at + count + 1], count)
                    units.append(written.unit(spot, count))
                    at += count
                    break
            else:
                unit = self._borrow(rng, text[at])
                borrowed += 1
                if unit is None or borrowed > max(1, self.max_borrowed * len(text)):
                    return None
                units.append(unit)
                at += 1
        return units

    def _borrow(self, rng: np.random.Generator, character: str) -> Unit | None:
        """Find a character among the texts of up to twenty random writers."""
        for _ in range(20):
            written = self._written[self.writers[int(rng.integers(len(self.writers)))]]
            if found := _occurrences(written.text, character):
                return written.unit(found[int(rng.integers(len(found)))], 1)
        return None


def _occurrences(text: str, piece: str) -> list[int]:
    found, at = [], text.find(piece)
    while at >= 0:
        found.append(at)
        at = text.find(piece, at + 1)
    return found


def _best(rng: np.random.Generator, text: str, spots: list[int], before: str, after: str, count: int) -> int:
    """Choose one of the positions at which the neighboring characters fit best."""
    scores = [_context(text, spot, count, before, after) for spot in spots]
    best = max(scores)
    spots = [spot for spot, score in zip(spots, scores, strict=True) if score == best]
    return spots[int(rng.integers(len(spots)))]


def _context(text: str, spot: int, count: int, before: str, after: str) -> int:
    """Score the agreement of the old neighbors of a unit with its new neighbors; spaces weigh most."""
    old_before = text[spot - 1].replace(SEPARATOR, " ")
    old_after = text[spot + count].replace(SEPARATOR, " ")
    score = 2 * ((old_before == " ") == (before == " ")) + 2 * ((old_after == " ") == (after == " "))
    return score + (old_before == before) + (old_after == after)
