"""CTC prefix beam search with a character language model, for many lines at once (Hannun et al. 2014).

The beams of all lines are kept in arrays and advance through the columns together, so that a column costs a few dozen
array operations whatever the number of lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ocr.settings import BaseSettings, setting
from ocr.text.ngram import Addresses, CharNgram, NgramStates
from ocr.text.tokenizer import SPECIALS

MAX_TRIED = 24
"""Highest number of characters tried per column, the likeliest first."""

_MULTIPLIER = np.uint64(1_099_511_628_211)
_ROOT = np.uint64(14_695_981_039_346_656_037)
_NEVER = np.float32(-1e30)
"""Log-probability of an impossible event; finite, so that differences of two of them are numbers."""


@dataclass(frozen=True)
class SearchSettings(BaseSettings):
    """Settings of the search.

    Raises:
        ConfigError: a value out of range.
    """

    beams: int = setting(12, low=1)
    """Texts kept per column."""
    weight: float = 0.3
    """Weight of the log-probability of the language model."""
    bonus: float = 1.3
    """Score added per character, as a counterweight to the preference for short texts."""
    threshold: float = setting(1e-3, low=1e-12, high=1)
    """Characters less probable than this in a column are not tried."""


class Candidate(NamedTuple):
    """A possible text of a line."""

    ids: list[int]
    """Characters, without blanks."""
    alignment: float
    """Log-probability by the CTC output, summed over the alignments that were followed."""
    language: float
    """Weighted score of the language model, with the bonus."""

    @property
    def score(self) -> float:
        """The sum by which candidates are ranked."""
        return self.alignment + self.language


@dataclass
class _Beams:
    """Texts of each line under construction, in arrays (lines, beams).

    `blank`, `character`: log-probability of the alignments that end in a blank, and in the last character.
    `language`: score of the language model with the bonus. `last`: last character, 0 for none. `text`, `parent`:
    hashes of the text and of the text without its last character. `state`: of the language model.
    """

    blank: np.ndarray
    character: np.ndarray
    language: np.ndarray
    last: np.ndarray
    text: np.ndarray
    parent: np.ndarray
    state: np.ndarray

    @classmethod
    def start(cls, lines: int, beams: int, state: int) -> _Beams:
        """Create the empty text of each line, and unused beams."""
        shape = (lines, beams)
        unused = np.full(shape, _NEVER)
        blank, text = unused.copy(), _numbers(shape)
        blank[:, 0], text[:, 0] = 0, _ROOT
        return cls(
            blank=blank,
            character=unused,
            language=np.zeros(shape, np.float32),
            last=np.zeros(shape, np.int64),
            text=text,
            parent=np.zeros(shape, np.uint64),
            state=np.full(shape, state, np.int64),
        )


def prefix_search(
    log_probs: Sequence[np.ndarray],
    *,
    ngram: CharNgram | None,
    settings: SearchSettings,
    space: int,
    addresses: Addresses | None = None,
) -> list[list[Candidate]]:
    """Search the best texts of many lines.

    Args:
        log_probs: (t, v) float32 of each line, with its own t; id 0 is the blank.
        ngram: language model; None to rank texts by the sum of their alignments.
        space: id of the space; for the language model, every text is preceded by spaces.
        addresses: parts of the text about which the language model is not asked.
    Returns:
        For each line at least one candidate, best first.
    """
    length = max((len(rows) for rows in log_probs), default=0)
    if not length:
        return [[Candidate([], 0.0, 0.0)] for _ in log_probs]
    lines, size = len(log_probs), log_probs[0].shape[1]
    # Shorter lines are padded with certain blanks, which change no score.
    columns = np.full((length, lines, size), _NEVER, np.float32)
    columns[:, :, 0] = 0
    for line, rows in enumerate(log_probs):
        columns[: len(rows), line] = rows
    states = ngram.states(addresses) if ngram is not None else None
    beams = _Beams.start(lines, settings.beams, states.start(space) if states is not None else 0)
    origins = np.zeros((length, lines, settings.beams), np.int64)
    written = np.zeros((length, lines, settings.beams), np.int64)
    tried, scores = _tried(columns, settings.threshold)
    for t in range(length):
        count = max(1, int((scores[t] > _NEVER).sum(-1).max()))
        beams, origins[t], written[t] = _step(
            beams, columns[t], tried[t, :, :count], scores[t, :, :count], states=states, settings=settings
        )
    return _texts(origins, written, np.logaddexp(beams.blank, beams.character), beams.language)


def _tried(columns: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the characters (t, lines, c) to try per column, likeliest first, and their scores, `_NEVER` for none."""
    letters = columns[:, :, SPECIALS:]
    count = min(MAX_TRIED, letters.shape[-1])
    best = np.argpartition(-letters, count - 1, axis=-1)[..., :count]
    scores = np.take_along_axis(letters, best, -1)
    order = np.argsort(-scores, axis=-1)
    best, scores = np.take_along_axis(best, order, -1), np.take_along_axis(scores, order, -1)
    return best + SPECIALS, np.where(scores > np.log(threshold), scores, _NEVER)


def _step(
    beams: _Beams,
    column: np.ndarray,
    tried: np.ndarray,
    scores: np.ndarray,
    *,
    states: NgramStates | None,
    settings: SearchSettings,
) -> tuple[_Beams, np.ndarray, np.ndarray]:
    """Advance by one column (lines, v): texts stay as they are or grow by one of the `tried` characters (lines, c).

    Returns:
        The best beams, the index of the beam that each continues, and the character that it adds, 0 for none.
    """
    k, (lines, c) = settings.beams, tried.shape
    blank, character, grown = _extend(beams, column, tried, scores)
    language = np.repeat(beams.language[..., None] + np.float32(settings.bonus), c, axis=-1)
    if states is not None:
        language += np.float32(settings.weight) * states.log_probs(beams.state[..., None], tried[:, None])
    stay = np.logaddexp(blank, character) + beams.language
    rank = np.concatenate((stay, (grown + language).reshape(lines, -1)), 1)
    chosen = np.argpartition(-rank, k - 1, axis=1)[:, :k]
    grows = chosen >= k
    origin, place = np.where(grows, chosen - k, chosen * c) // c, np.where(grows, chosen - k, 0) % c
    rows = np.arange(lines)[:, None]
    new = np.where(grows, tried[rows, place], 0)
    score = grown[rows, origin, place]
    text, state = beams.text[rows, origin], beams.state[rows, origin]
    longer = (text ^ new.astype(np.uint64)) * _MULTIPLIER
    longer ^= longer >> np.uint64(29)
    if states is not None:
        state[grows] = states.advance(state[grows], new[grows])
    # An impossible text must not carry the hash of the text that it would have become.
    void = grows & (score <= _NEVER / 2)
    kept = _Beams(
        blank=np.where(grows, _NEVER, blank[rows, origin]),
        character=np.where(grows, score, character[rows, origin]),
        language=np.where(grows, language[rows, origin, place], beams.language[rows, origin]),
        last=np.where(grows, new, beams.last[rows, origin]),
        text=np.where(void, _numbers(void.shape), np.where(grows, longer, text)),
        parent=np.where(void, np.uint64(0), np.where(grows, text, beams.parent[rows, origin])),
        state=state,
    )
    return kept, origin, new


def _extend(
    beams: _Beams, column: np.ndarray, tried: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum the alignments of all texts after one more column (lines, v).

    Returns:
        Log-probabilities of the texts that stay as they are, ending in a blank (lines, beams) or in their last
        character (lines, beams), and of those that grow by one of the `tried` characters (lines, beams, c).
    """
    total = np.logaddexp(beams.blank, beams.character)
    repeated = np.take_along_axis(column, beams.last, 1)
    blank = total + column[:, :1]
    character = np.where(beams.last > 0, beams.character + repeated, _NEVER)
    # A repeated character needs a blank before it; without one, it continues the same character.
    repeats = tried[:, None] == beams.last[..., None]
    grown = np.where(repeats, beams.blank[..., None], total[..., None]) + scores[:, None]
    # A text that grows into another text of the beam adds its probability to that one.
    line, child, parent = np.nonzero(beams.parent[:, :, None] == beams.text[:, None])
    last = beams.last[line, child]
    arriving = np.where(last == beams.last[line, parent], beams.blank[line, parent], total[line, parent])
    character[line, child] = np.logaddexp(character[line, child], arriving + repeated[line, child])
    pair, place = np.nonzero(tried[line] == last[:, None])
    grown[line[pair], parent[pair], place] = _NEVER
    return blank, character, grown


def _numbers(shape: tuple[int, int]) -> np.ndarray:
    """Return (lines, beams) uint64 placeholders for the hashes of empty beams, distinct within a line."""
    return np.tile(np.arange(1, shape[1] + 1, dtype=np.uint64), (shape[0], 1))


def _texts(
    origins: np.ndarray, written: np.ndarray, alignment: np.ndarray, language: np.ndarray
) -> list[list[Candidate]]:
    """Follow all beams back through (t, lines, beams) origins and collect their characters.

    Args:
        alignment, language: (lines, beams), the two parts of the score.
    Returns:
        For each line, its possible texts, best first.
    """
    beams, rows = np.argsort(-(alignment + language), axis=1), np.arange(len(alignment))[:, None]
    alignment, language = (np.take_along_axis(part, beams, 1) for part in (alignment, language))
    characters = np.zeros(origins.shape, np.int64)
    for t in range(len(origins) - 1, -1, -1):
        characters[t] = written[t, rows, beams]
        beams = origins[t, rows, beams]
    return [
        [
            Candidate(ids[ids > 0].tolist(), *parts)
            for ids, *parts in zip(
                characters[:, line].T, alignment[line].tolist(), language[line].tolist(), strict=True
            )
            if sum(parts) > _NEVER / 2
        ]
        for line in range(len(alignment))
    ]
