"""Decoding of the detector's line map to text lines: cores taken apart and joined, and curves through them."""

from __future__ import annotations

import cv2
import numpy as np

from ocr.detection.components import Core, direction_of, find_cores, page_angle
from ocr.detection.curves import Curve, fit_curve
from ocr.detection.settings import DetectionSettings
from ocr.types import TextLine

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
    cores = find_cores(line, extent, stride, link_threshold)
    angle = page_angle(cores)
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
    """Tell whether a core holds more than one line."""
    direction = direction_of(core, angle)
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
    """Tell whether the lines above and below, as far as there are any, cross the gap between two pieces."""
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
    """Make a text line of a curve, with points about a text height apart, the ends included."""
    step = max(1, round(0.5 * curve.height / max(curve.u[2] - curve.u[1], 1e-6))) if len(curve.u) > 2 else 1
    at = np.unique(np.concatenate([np.arange(0, len(curve.u), step), [len(curve.u) - 1]]))
    top, bottom, base = (curve.points(values)[at] for values in (curve.top, curve.bottom, curve.base))
    polygon = np.concatenate([top, bottom[::-1]]).astype(np.float32)
    return TextLine(polygon=polygon, baseline=base.astype(np.float32), detection_score=curve.score)
