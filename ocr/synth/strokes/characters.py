"""Location of characters in pen strokes: where a writer's strokes are cut between the characters of their text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ocr.synth.strokes.library import Strokes, StrokeTable

STEEP = 1.2
"""Ratio of height to width from which a segment of a stroke tells the slant."""
MARK_WIDTH = 1.6
"""X-heights; a delayed stroke up to this width (a dot, a bar) belongs to one character as a whole."""
MAX_JOINED_STROKES = 0.8
"""Strokes per character below which a hand counts as joined; half of the writers of UNIPEN are."""
CUT_REACH = 0.35
"""X-heights to both sides of a proposed cut in which fewer crossings of ink are sought."""


def slant_of(strokes: Sequence[Strokes]) -> float:
    """Slant of a hand: x-heights to the right per x-height upwards, by the median direction of steep segments."""
    directions, lengths = [], []
    for item in strokes:
        chord = np.diff(item.points, axis=0)
        inside = np.ones(len(chord), bool)
        inside[item.starts[1:] - 1] = False
        steep = inside & (np.abs(chord[:, 1]) > STEEP * np.abs(chord[:, 0])) & (np.abs(chord[:, 1]) > 0.2)
        directions.append(-chord[steep, 0] / chord[steep, 1])
        lengths.append(np.abs(chord[steep, 1]))
    ratio, weight = np.concatenate(directions), np.concatenate(lengths)
    if not len(ratio):
        return 0.0
    order = np.argsort(ratio)
    middle = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    return float(ratio[order][min(middle, len(order) - 1)])


@dataclass(frozen=True)
class Traits:
    """Features of a writer's hand."""

    slant: float
    """X-heights to the right per x-height upwards."""
    strokes_per_character: float
    """1 and more in print; a third and less where words are written without lifting the pen."""

    @property
    def joined(self) -> bool:
        """Return True where most letters are joined to their neighbors."""
        return self.strokes_per_character < MAX_JOINED_STROKES


def traits_of_writers(table: StrokeTable) -> dict[str, Traits]:
    """Features of the hand of each writer of a table, from up to 30 of the writer's rows."""
    found = {}
    for writer, rows in table.by_writer().items():
        rows = rows[:: max(1, len(rows) // 30)]
        strokes = [table.strokes(row) for row in rows]
        characters = sum(len(table.texts[row].replace(" ", "")) for row in rows)
        found[writer] = Traits(slant_of(strokes), sum(len(item.starts) for item in strokes) / characters)
    return found


def upright(strokes: Strokes, slant: float) -> Strokes:
    """The strokes with a slant taken out, the left end of the ink at x = 0."""
    straight = strokes.leaned(-slant)
    return straight.moved(-straight.left)


@dataclass(frozen=True)
class Located:
    """Upright strokes of a text, with the character that each point belongs to."""

    strokes: Strokes
    character: np.ndarray
    """(n,) int64 index of the character of each point, never falling within a stroke."""
    edges: np.ndarray
    """(c + 1,) float64 x of the cuts before, between and after the characters."""


def locate(strokes: Strokes, edges: np.ndarray) -> Located:
    """Assign the points of upright strokes to characters.

    Args:
        edges: (c - 1,) proposed x of the cuts between the characters, rising.
    """
    points = strokes.points
    bounds = (
        np.maximum.accumulate(_refined(strokes, np.asarray(edges, np.float64))) if len(edges) else np.zeros(0)
    )
    character = np.zeros(len(points), np.int64)
    reached = -math.inf
    stops = np.append(strokes.starts[1:], len(points))
    for begin, stop in zip(strokes.starts.tolist(), stops.tolist(), strict=True):
        x = points[begin:stop, 0]
        left, right = float(x.min()), float(x.max())
        if right < reached and right - left < MARK_WIDTH or stop - begin == 1:
            character[begin:stop] = np.searchsorted(bounds, (left + right) / 2)
        else:
            character[begin:stop] = _by_time(x, bounds)
        reached = max(reached, right)
    ends = (float(points[:, 0].min()), float(points[:, 0].max()))
    return Located(strokes, character, np.concatenate(([ends[0]], bounds, [ends[1]])))


def _by_time(x: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """(n,) character of each point of one stroke: each boundary is passed once, where fewest points contradict."""
    first, last = np.searchsorted(bounds, (x.min(), x.max()))
    if first == last:
        return np.full(len(x), first)
    beyond = (x[None, :] > bounds[first:last, None]).astype(np.int32)  # (boundaries, n)
    # Passing before point t: points beyond the boundary before t are wrong, and points short of it from t on.
    wrong = np.concatenate((np.zeros((last - first, 1), np.int32), np.cumsum(2 * beyond - 1, axis=1)), axis=1)
    passed = np.maximum.accumulate(wrong.argmin(axis=1))
    return first + (np.arange(len(x))[None, :] >= passed[:, None]).sum(axis=0)


def _refined(strokes: Strokes, edges: np.ndarray) -> np.ndarray:
    """The places near `edges` where fewest segments of ink are crossed, preferring the edges themselves."""
    offsets = np.linspace(-CUT_REACH, CUT_REACH, 9)
    candidates = edges[:, None] + offsets  # (edges, 9)
    a, b = strokes.points[:-1, 0], strokes.points[1:, 0]
    inside = np.ones(len(a), bool)
    inside[strokes.starts[1:] - 1] = False
    # Segments that contain x: those that begin left of it, less those that end left of it.
    low, high = np.sort(np.minimum(a, b)[inside]), np.sort(np.maximum(a, b)[inside])
    crossings = np.searchsorted(low, candidates) - np.searchsorted(high, candidates, side="right")
    best = (crossings + 0.8 * np.abs(offsets) / CUT_REACH).argmin(axis=1)
    return candidates[np.arange(len(edges)), best]
