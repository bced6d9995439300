"""Geometry of pen strokes: rows of writing, baseline and x-height, simplification.

Coordinates are pen positions (x to the right, y down) in the units of the tablet; a stroke is an (n, 2) array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.signal import find_peaks
from scipy.stats import siegelslopes

MAX_SLOPE = 0.35
ROW_DISTANCE = 1.2
"""Distance between rows in letter heights: letters of a row are nearer, even hanging ones beside tall ones."""

ROW_WIDTH = 2.0
"""Width of the narrowest row in letter heights, about that of a word of three letters."""

CAPITAL_HEIGHT = 1.65
"""Height of capitals and digits in x-heights, where a label has nothing else to measure."""

MIN_DENSITY_SHARE = 0.5
"""Density at the x-height as a share of the highest density, which may be at the tops of tall letters."""

SMALL = frozenset("aceimnorsuvwxzgpqy")
"""Letters whose body ends at the x-height. In `i` it is the stem that does."""


@dataclass(frozen=True)
class Ruling:
    """Baseline y = slope * x + offset, and the x-height, in the units of the strokes."""

    slope: float
    offset: float
    x_height: float


def find_rows(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Number the rows that strokes stand in, from top to bottom of the writing.

    A stroke belongs to the row whose strokes near in x it is nearest to in y; it begins a row where it stands lower
    than that by `ROW_DISTANCE` letter heights, so that dots and crosses that were added later get the right row. Rows
    narrower than `ROW_WIDTH` letter heights, or beside another one instead of below it, are merged into that one.

    Args:
        strokes: (n, 2) arrays in the order of writing, y down.

    Returns:
        (len(strokes),) row of each stroke.
    """
    low = np.array([stroke.min(0) for stroke in strokes])
    high = np.array([stroke.max(0) for stroke in strokes])
    middle, height = (low + high) / 2, (high - low)[:, 1]
    # Where letters consist of many short strokes, the tallest one determines the size.
    size = max(float(np.quantile(height, 0.75)), 0.4 * float(height.max()), 1e-6)
    rows = np.zeros(len(strokes), np.int64)
    for index in range(1, len(strokes)):
        distances = []
        for row in range(rows[:index].max() + 1):
            members = np.flatnonzero(rows[:index] == row)
            near = members[np.argsort(np.abs(middle[members, 0] - middle[index, 0]))[:3]]
            distances.append(middle[index, 1] - float(np.median(middle[near, 1])))
        nearest = int(np.argmin(np.abs(distances)))
        begins = distances[nearest] > ROW_DISTANCE * size
        rows[index] = len(distances) if begins else nearest
    return _merged(rows, low[:, 0], high[:, 0], middle[:, 1], ROW_WIDTH * size)


def _merged(
    rows: np.ndarray, left: np.ndarray, right: np.ndarray, middle: np.ndarray, min_width: float
) -> np.ndarray:
    """Merge rows that are narrow or overlap no other in x into the row nearest in y."""
    rows = rows.copy()
    for row in np.unique(rows)[::-1]:
        mine, others = rows == row, rows != row
        if not others.any():
            break
        overlap = min(right[mine].max(), right[others].max()) - max(left[mine].min(), left[others].min())
        if right[mine].max() - left[mine].min() < min_width or overlap <= 0:
            distance = {
                other: abs(np.median(middle[rows == other]) - np.median(middle[mine]))
                for other in set(rows[others])
            }
            rows[mine] = min(distance, key=distance.__getitem__)
    kept = sorted(set(rows.tolist()), key=lambda row: np.median(middle[rows == row]))
    return np.array([kept.index(row) for row in rows], np.int64)


def find_ruling(strokes: Sequence[np.ndarray], text: str) -> Ruling | None:
    """Estimate baseline and x-height from the turning points of the pen.

    Most strokes turn on the baseline below and at the x-height above, so both are the places where turning points
    are densest. Where `text` has no small letters, the x-height follows from the height of its capitals.

    Args:
        strokes: (n, 2) arrays of one row, y down.
        text: its label.

    Returns:
        The estimate, or None where strokes have no height.
    """
    size = _letter_height(strokes)
    if size <= 0:
        return None
    bottoms, tops = _turning_points(strokes, 0.1 * size)
    slope = _slope(bottoms, size)
    bottom_heights = bottoms[:, 1] - slope * bottoms[:, 0]
    offset = _densest(bottom_heights, 0.12 * size)
    rises = offset - (tops[:, 1] - slope * tops[:, 0])
    rises = rises[rises > 0.2 * size]
    if not len(rises):
        return None
    if SMALL & set(text):
        x_height = _densest(rises, 0.12 * size, min_share=MIN_DENSITY_SHARE)
    else:
        x_height = float(np.quantile(rises, 0.75)) / CAPITAL_HEIGHT
    return Ruling(slope, offset, x_height)


def simplify(stroke: np.ndarray, tolerance: float = 1.0) -> np.ndarray:
    """Leave out points that lie within `tolerance` of the polyline through the others (Douglas and Peucker, 1973).

    Args:
        stroke: (n, 2) whole numbers.

    Returns:
        (m, 2) of the same points; one point where all are the same.
    """
    moved = np.concatenate([[True], (np.diff(stroke, axis=0) != 0).any(1)])
    stroke = stroke[moved]
    if len(stroke) < 3:
        return stroke
    line = shapely.simplify(shapely.linestrings(stroke), tolerance, preserve_topology=False)
    return np.rint(shapely.get_coordinates(line)).astype(np.int64)


def _letter_height(strokes: Sequence[np.ndarray]) -> float:
    """Size of the writing: median height of the taller half of the strokes."""
    heights = np.array([np.ptp(stroke[:, 1]) for stroke in strokes])
    return float(np.median(heights[heights >= np.median(heights)]))


def _turning_points(strokes: Sequence[np.ndarray], prominence: float) -> tuple[np.ndarray, np.ndarray]:
    """Points where the pen turns up, and where it turns down, ends included: two (n, 2) arrays."""
    bottoms, tops = [], []
    for stroke in strokes:
        for found, sign in ((bottoms, 1.0), (tops, -1.0)):
            values = sign * stroke[:, 1]
            ends = values.min() - 2 * prominence
            peaks, _ = find_peaks(np.concatenate([[ends], values, [ends]]), prominence=prominence)
            found.append(stroke[peaks - 1])
    return np.concatenate(bottoms), np.concatenate(tops)


def _slope(bottoms: np.ndarray, size: float) -> float:
    """Slope of the baseline: repeated medians (Siegel, 1982) of the lower turning points; 0 for short texts."""
    if len(bottoms) < 5 or np.ptp(bottoms[:, 0]) < 3 * size:
        return 0.0
    slope = float(siegelslopes(bottoms[:, 1], bottoms[:, 0])[0])
    return slope if abs(slope) <= MAX_SLOPE else 0.0


def _densest(values: np.ndarray, width: float, *, min_share: float = 1.0) -> float:
    """Mean of the values around the lowest one whose density is at least `min_share` of the highest density."""
    density = np.exp(-0.5 * ((values[:, None] - values[None]) / width) ** 2).sum(1)
    candidates = np.flatnonzero(density >= min_share * density.max())
    center = values[candidates[values[candidates].argmin()]]
    # Uphill from there, to the middle of its own cluster.
    near = np.abs(values - center) <= 2 * width
    center = values[np.where(near, density, 0).argmax()]
    return float(values[np.abs(values - center) <= width].mean())
