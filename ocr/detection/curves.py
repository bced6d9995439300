"""Curves through the cores of lines: baseline, top and bottom edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ocr.detection.components import CENTER, THICKNESS, Core, direction_of
from ocr.detection.core import CORE_END


@dataclass
class Curve:
    """A line as functions of `u`, the position along its direction (cos, sin): `base`, `top`, `bottom` across it."""

    direction: np.ndarray
    u: np.ndarray
    base: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    score: float
    peak: float
    thickness: float
    """Thickness of the core, as a multiple of what its extents make expected."""

    @cached_property
    def height(self) -> float:
        """Median height in pixels."""
        return float(np.median(self.bottom - self.top))

    @property
    def length(self) -> float:
        """Length in pixels."""
        return float(self.u[-1] - self.u[0])

    def points(self, across: np.ndarray) -> np.ndarray:
        """(n, 2) points at `across` along `u`."""
        normal = np.array([-self.direction[1], self.direction[0]])
        return self.u[:, None] * self.direction + across[:, None] * normal

    def ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """First and last point on the baseline, and the outward directions there."""
        points = self.points(self.base)
        reach = int(np.clip(2 * self.height / max(self.u[1] - self.u[0], 1e-6), 1, len(points) - 1))
        first, last = points[0] - points[reach], points[-1] - points[-1 - reach]
        return (
            points[0],
            points[-1],
            first / max(np.linalg.norm(first), 1e-6),
            last / max(np.linalg.norm(last), 1e-6),
        )


def fit_curve(core: Core, angle: float, stride: int) -> Curve:
    """Fit a curve through a core; short ones run at the page's `angle` (radians), long ones along themselves."""
    direction = direction_of(core, angle)
    u = core.x * direction[0] + core.y * direction[1]
    v = core.y * direction[0] - core.x * direction[1]
    first, step = u.min(), float(stride)
    bins = np.floor((u - first) / step).astype(int)
    center, top, bottom = _means(core.p, bins, (v, v - core.up, v + core.down))
    smooth = float(np.median(_ascent(center, top))) / step
    center = gaussian_filter1d(center, 0.7 * smooth, mode="nearest")
    top = gaussian_filter1d(top, 1.5 * smooth, mode="nearest")
    bottom = gaussian_filter1d(bottom, 1.5 * smooth, mode="nearest")
    ascent = _ascent(center, top)
    base = center + CENTER * ascent
    # Ends of the core lie inside the line.
    end = CORE_END * float(np.median(ascent))
    positions = first + step * (np.arange(len(base)) + 0.5)
    before, after = u.min() - step / 2 - end, u.max() + step / 2 + end
    slopes = _end_slopes(positions, base, tail=int(2 * smooth))
    rises = slopes[0] * (before - positions[0]), slopes[1] * (after - positions[-1])
    return Curve(
        direction=direction,
        u=np.concatenate([[before], positions, [after]]),
        base=_extended(base, rises),
        top=_extended(np.minimum(top, base - 1), rises),
        bottom=_extended(np.maximum(bottom, base + 1), rises),
        score=float(core.p.mean()),
        peak=float(np.percentile(core.p, 90)),
        thickness=_relative_thickness(bins, ascent, stride),
    )


def _means(weight: np.ndarray, bins: np.ndarray, values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Weighted means of each of `values` (n,) over the cells of each bin; bins without cells are interpolated."""
    mass = np.bincount(bins, weight)
    seen, at = mass > 0, np.arange(len(mass))
    return [np.interp(at, at[seen], np.bincount(bins, weight * each)[seen] / mass[seen]) for each in values]


def _ascent(center: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Ascent of a line from the center of its core and its top edge."""
    return np.maximum(center - top, 1.0) / (1 - CENTER)


def _relative_thickness(bins: np.ndarray, ascent: np.ndarray, stride: int) -> float:
    """Thickness of a core, as a multiple of what the ascent makes expected."""
    cells = np.bincount(bins)
    return float(np.percentile(cells[cells > 0], 85) * stride / (THICKNESS * np.median(ascent) + stride))


def _end_slopes(positions: np.ndarray, base: np.ndarray, *, tail: int) -> tuple[float, float]:
    """Slopes of the first and the last `tail` points of a baseline; 0 where these are too few."""
    tail = max(1, min(len(base), tail))
    if tail < 3:
        return 0.0, 0.0
    return (
        np.polyfit(positions[:tail], base[:tail], 1)[0],
        np.polyfit(positions[-tail:], base[-tail:], 1)[0],
    )


def _extended(values: np.ndarray, rises: tuple[float, float]) -> np.ndarray:
    """Values with one more at either end, which differ by `rises` from their neighbors."""
    return np.concatenate([[values[0] + rises[0]], values, [values[-1] + rises[1]]])
