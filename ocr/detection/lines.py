"""From the detector's line map to text lines: components, curves through them, broken lines joined."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ocr.detection.core import CORE_BOTTOM, CORE_END, CORE_TOP
from ocr.detection.settings import DetectionSettings
from ocr.types import TextLine

CENTER = (CORE_TOP - CORE_BOTTOM) / 2
"""Height of the core's middle above the baseline, as a share of the ascent."""

THICKNESS = CORE_TOP + CORE_BOTTOM
"""Thickness of the core as a share of the ascent."""

DESCENT = 0.45
"""Descent as a share of the ascent where the model predicts no extents."""

JOIN_GAP = 1.0
"""Pieces of a line are joined across gaps up to this many text heights ..."""

CROSSED_GAP = 2.0
"""... or this many where lines above and below run on across the gap, which then divides no columns ..."""

JOIN_OFFSET = 0.3
"""... when one continues the other to within this share of a text height."""

NEIGHBOR_HEIGHTS = 4.0
"""Text heights within which lines above and below tell of columns."""

MAX_THICKNESS = 1.6
"""A core this many times as thick as its extents say holds more than one line."""


@dataclass
class Core:
    """Cells of one line's core: `x`, `y` cell centers in input pixels, `p` probability, `up`, `down` pixels to
    the top and bottom edge; all (n,)."""

    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    up: np.ndarray
    down: np.ndarray

    @classmethod
    def joined(cls, cores: list[Core]) -> Core:
        """All cells together."""
        return cls(*(np.concatenate([getattr(core, key) for core in cores]) for key in cls.__annotations__))

    def of(self, rows: np.ndarray) -> Core:
        """Some of the cells."""
        return Core(*(getattr(self, key)[rows] for key in self.__annotations__))


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


def find_lines(
    line: np.ndarray,
    extent: np.ndarray | None,
    *,
    stride: int,
    settings: DetectionSettings,
) -> list[TextLine]:
    """Find lines in input pixels, in no particular order.

    Args:
        line: (h, w) probability of line cores. extent: (2, h, w) input pixels to the top and bottom edge, or None.
    """
    link_threshold = settings.link_threshold
    cores = _components(line, extent, stride, link_threshold)
    angle = _page_angle(cores)
    cores = [piece for core in cores for piece in _split(core, angle, stride, link_threshold)]
    cores = _join(cores, angle, stride)
    curves = [
        curve for core in cores if (curve := fit_curve(core, angle, stride)).peak >= settings.text_threshold
    ]
    if not curves:
        return []
    typical = float(np.median([curve.height for curve in curves]))
    kept = [curve for curve in curves if _large_enough(curve, typical, settings.size_threshold)]
    return [_text_line(curve) for curve in kept]


def fit_curve(core: Core, angle: float, stride: int) -> Curve:
    """A curve through a core; short ones run at the page's `angle` (radians), long ones along themselves."""
    direction = _direction(core, angle)
    u = core.x * direction[0] + core.y * direction[1]
    v = core.y * direction[0] - core.x * direction[1]
    first, step = u.min(), float(stride)
    bins = np.floor((u - first) / step).astype(int)
    count = bins.max() + 1
    mass = np.bincount(bins, core.p, count)
    seen = mass > 0
    at = np.arange(count)

    def mean(values: np.ndarray) -> np.ndarray:
        averaged = np.bincount(bins, core.p * values, count)[seen] / mass[seen]
        return np.interp(at, at[seen], averaged)

    center, top, bottom = mean(v), mean(v - core.up), mean(v + core.down)
    ascent = np.maximum(center - top, 1.0) / (1 - CENTER)
    smooth = float(np.median(ascent)) / step
    center = gaussian_filter1d(center, 0.7 * smooth, mode="nearest")
    top = gaussian_filter1d(top, 1.5 * smooth, mode="nearest")
    bottom = gaussian_filter1d(bottom, 1.5 * smooth, mode="nearest")
    ascent = np.maximum(center - top, 1.0) / (1 - CENTER)
    base = center + CENTER * ascent
    cells = np.bincount(bins, minlength=count)[seen]
    thickness = float(np.percentile(cells, 85) * stride / (THICKNESS * np.median(ascent) + stride))
    # Ends of the core lie inside the line.
    end = CORE_END * float(np.median(ascent))
    positions = first + step * (at + 0.5)
    before, after = u.min() - step / 2 - end, u.max() + step / 2 + end
    tail = max(1, min(count, int(2 * smooth)))
    slope0 = np.polyfit(positions[:tail], base[:tail], 1)[0] if tail > 2 else 0.0
    slope1 = np.polyfit(positions[-tail:], base[-tail:], 1)[0] if tail > 2 else 0.0

    def extended(values: np.ndarray) -> np.ndarray:
        left = values[0] + slope0 * (before - positions[0])
        right = values[-1] + slope1 * (after - positions[-1])
        return np.concatenate([[left], values, [right]])

    return Curve(
        direction=direction,
        u=np.concatenate([[before], positions, [after]]),
        base=extended(base),
        top=extended(np.minimum(top, base - 1)),
        bottom=extended(np.maximum(bottom, base + 1)),
        score=float(core.p.mean()),
        peak=float(np.percentile(core.p, 90)),
        thickness=thickness,
    )


def _components(line: np.ndarray, extent: np.ndarray | None, stride: int, threshold: float) -> list[Core]:
    count, labels = cv2.connectedComponents((line > threshold).astype(np.uint8), connectivity=4)
    if count < 2:
        return []
    rows, columns = np.nonzero(labels)
    order = np.argsort(labels[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    starts = np.flatnonzero(np.diff(labels[rows, columns])) + 1
    cores = []
    for r, c in zip(np.split(rows, starts), np.split(columns, starts), strict=True):
        if extent is None:
            # Half of the cells lie within the inner half of the core.
            ascent = max(_thickness(r, c) * stride / THICKNESS, 1.0)
            middle = np.full(len(r), (1 - CENTER) * ascent)
            up, down = middle, np.full(len(r), (CENTER + DESCENT) * ascent)
        else:
            up, down = extent[0, r, c], extent[1, r, c]
        cores.append(Core((c + 0.5) * stride, (r + 0.5) * stride, line[r, c], up, down))
    return cores


def _thickness(rows: np.ndarray, columns: np.ndarray) -> float:
    """Cells across the shorter side of a component."""
    across_y = len(rows) / (np.ptp(columns) + 1)
    across_x = len(rows) / (np.ptp(rows) + 1)
    return float(min(across_y, across_x))


def _direction(core: Core, angle: float) -> np.ndarray:
    """Unit vector along a core, pointing right, or down where it is upright."""
    default = np.array([np.cos(angle), np.sin(angle)])
    if len(core.x) < 6:
        return default
    centered = np.stack([core.x - core.x.mean(), core.y - core.y.mean()])
    values, vectors = np.linalg.eigh(centered @ centered.T / len(core.x))
    # A core hardly longer than thick has no direction of its own.
    if values[1] < 6 * max(values[0], 1e-6):
        return default
    along = vectors[:, 1]
    upright = abs(along[0]) < 0.2
    return -along if (along[1] < 0 if upright else along[0] < 0) else along


def _page_angle(cores: list[Core]) -> float:
    """Length-weighted median direction of the longer cores, in radians; 0 without any."""
    angles, lengths = [], []
    for core in cores:
        length = max(np.ptp(core.x), np.ptp(core.y))
        if len(core.x) >= 20 and length > 4 * len(core.x) ** 0.5:
            x, y = _direction(core, 0.0)
            angles.append(np.arctan2(y, x))
            lengths.append(length)
    if not angles:
        return 0.0
    order = np.argsort(angles)
    total = np.cumsum(np.array(lengths)[order])
    angle = float(np.array(angles)[order][np.searchsorted(total, total[-1] / 2)])
    return angle if abs(angle) < np.pi / 4 else 0.0


def _split(core: Core, angle: float, stride: int, threshold: float) -> list[Core]:
    """Take apart a core that is too thick to be one line, at the lowest threshold that does it."""
    if len(core.x) < 12 or not _is_double(core, angle, stride):
        return [core]
    columns = np.round(core.x / stride - 0.5).astype(int)
    rows = np.round(core.y / stride - 0.5).astype(int)
    x0, y0 = columns.min(), rows.min()
    grid = np.zeros((rows.max() - y0 + 1, columns.max() - x0 + 1), np.float32)
    grid[rows - y0, columns - x0] = core.p
    for level in np.arange(threshold + 0.1, 0.96, 0.1):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            (grid > level).astype(np.uint8), connectivity=4
        )
        parts = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] >= 4]
        if len(parts) < 2:
            continue
        # Cells between the parts go to the nearest one.
        distance = np.stack(
            [cv2.distanceTransform((labels != label).astype(np.uint8), cv2.DIST_L2, 3) for label in parts]
        )
        nearest = distance.argmin(axis=0)[rows - y0, columns - x0]
        pieces = [core.of(nearest == number) for number in range(len(parts))]
        return [part for piece in pieces for part in _split(piece, angle, stride, float(level))]
    return [core]


def _is_double(core: Core, angle: float, stride: int) -> bool:
    direction = _direction(core, angle)
    u = core.x * direction[0] + core.y * direction[1]
    v = core.y * direction[0] - core.x * direction[1]
    # The tops that cells of one line point at agree; those of two lines differ by a line distance.
    bins = np.floor((u - u.min()) / (2 * stride)).astype(int)
    top, height = v - core.up, core.up + core.down
    count = bins.max() + 1
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, bins, top)
    np.maximum.at(high, bins, top)
    seen = np.isfinite(low)
    apart = (high - low)[seen] > 0.6 * float(np.median(height))
    return bool(apart.mean() > 0.08) or fit_curve(core, angle, stride).thickness > MAX_THICKNESS


def _join(cores: list[Core], angle: float, stride: int) -> list[Core]:
    """Join pieces where one line continues another across a small gap."""
    if len(cores) < 2:
        return cores
    curves = [fit_curve(core, angle, stride) for core in cores]
    chains = [[i] for i in range(len(cores))]
    for _, i, j in sorted(_continuations(curves)):
        left, right = chains[i], chains[j]
        if left[-1] == i and right[0] == j and left is not right:
            left += right
            for piece in right:
                chains[piece] = left
    return [Core.joined([cores[piece] for piece in chain]) for i, chain in enumerate(chains) if chain[0] == i]


def _continuations(curves: list[Curve]) -> list[tuple[float, int, int]]:
    """(distance, i, j) of the pieces of which j may continue i."""
    ends = [curve.ends() for curve in curves]
    firsts, lasts, before, after = (np.array([end[k] for end in ends]) for k in range(4))
    heights, lengths = np.array([c.height for c in curves]), np.array([c.length for c in curves])
    height = (heights[:, None] + heights) / 2
    alike = np.maximum(heights[:, None], heights) <= 1.7 * np.minimum(heights[:, None], heights)
    gap = firsts[None] - lasts[:, None]
    # Each continues the other: the offset is measured along the longer one's end.
    outward = np.where((lengths[:, None] >= lengths)[..., None], after[:, None], -before[None])
    along = (gap * outward).sum(-1)
    across = np.abs(gap[..., 1] * outward[..., 0] - gap[..., 0] * outward[..., 1])
    near = alike & (along > -height) & (along < CROSSED_GAP * height) & (across < JOIN_OFFSET * height)
    np.fill_diagonal(near, False)
    found = []
    for i, j in np.argwhere(near):
        if along[i, j] < JOIN_GAP * height[i, j] or _is_crossed(curves, i, j, height=height[i, j]):
            found.append((abs(along[i, j]) + 2 * across[i, j], int(i), int(j)))
    return found


def _is_crossed(curves: list[Curve], i: int, j: int, *, height: float) -> bool:
    """True where the lines above and below, as far as there are any, cross the gap between two pieces."""
    start, end = curves[i].points(curves[i].base)[-1], curves[j].points(curves[j].base)[0]
    middle, direction = (start + end) / 2, curves[i].direction
    half = abs(float((end - start) @ direction)) / 2
    down = np.array([-direction[1], direction[0]])
    sides: dict[bool, list[bool]] = {False: [], True: []}
    for number, curve in enumerate(curves):
        if number in (i, j):
            continue
        points = curve.points(curve.base) - middle
        u, v = points @ direction, points @ down
        level = float(v[np.abs(u).argmin()])
        if (
            u[0] < NEIGHBOR_HEIGHTS * height
            and u[-1] > -NEIGHBOR_HEIGHTS * height
            and 0.4 * height < abs(level) < NEIGHBOR_HEIGHTS * height
        ):
            sides[level > 0].append(bool(u[0] < -half and u[-1] > half))
    return any(map(any, sides.values())) and all(any(side) for side in sides.values() if side)


def _large_enough(curve: Curve, typical: float, size_threshold: float) -> bool:
    """Compare a line's length with the threshold or, below 0, its size with its own height and the page's."""
    if size_threshold >= 0:
        return curve.length >= size_threshold
    return curve.length >= 0.5 * curve.height and curve.height >= typical / 3


def _text_line(curve: Curve) -> TextLine:
    """Points about a text height apart, the ends included."""
    step = max(1, round(0.5 * curve.height / max(curve.u[2] - curve.u[1], 1e-6))) if len(curve.u) > 2 else 1
    at = np.unique(np.concatenate([np.arange(0, len(curve.u), step), [len(curve.u) - 1]]))
    top, bottom, base = (curve.points(values)[at] for values in (curve.top, curve.bottom, curve.base))
    polygon = np.concatenate([top, bottom[::-1]]).astype(np.float32)
    return TextLine(polygon=polygon, baseline=base.astype(np.float32), detection_score=curve.score)
