"""Training targets of the detector: heat maps of characters, and the core and extent of every line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter
from scipy.spatial import cKDTree

from ocr.detection.core import CORE_BOTTOM, CORE_END, CORE_TOP
from ocr.errors import DataError
from ocr.geometry import CoordinateMap, min_area_rect
from ocr.geometry.polygons import distinct_points
from ocr.types import Baseline, Polygon

GAUSSIAN = 0.5
"""Standard deviation of a character's heat as a share of half its box, as in CRAFT's squashed Gaussian."""


@dataclass(frozen=True)
class LineProfile:
    """A line sampled along its baseline, in pixels of some image.

    `points` (n, 2) on the baseline in reading direction, `normals` (n, 2) unit vectors that point below the
    text, `ascent` and `descent` (n,) from the baseline to the smoothed top and bottom edge.
    """

    points: np.ndarray
    normals: np.ndarray
    ascent: np.ndarray
    descent: np.ndarray

    @classmethod
    def of(cls, polygon: Polygon, baseline: Baseline) -> LineProfile:
        """Measure an outline against its baseline.

        The edges are the 85th percentile of what the outline reaches over five text heights, smoothed: the
        jagged part of an outline tells single letters, not lines.

        Raises:
            DataError: the outline or the baseline has no extent.
        """
        points = distinct_points(baseline)
        height = min_area_rect(polygon).size[0]
        if len(points) < 2 or height < 1:
            raise DataError(f"a line without extent: baseline {np.asarray(baseline).tolist()}")
        # A slanted outline's rectangle is too high; its area over its length is not.
        length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
        area = abs(cv2.contourArea(np.asarray(polygon, np.float32)))
        height = float(np.clip(area / length, 2.0, height)) if area > 0 else height
        points, normals = _axis(points, height, reach=float(np.ptp(polygon, axis=0).sum()))
        edge = _densify(np.asarray(polygon, np.float64), height / 8)
        nearest = cKDTree(points).query(edge)[1]
        below = ((edge - points[nearest]) * normals[nearest]).sum(axis=1)
        first, last = int(nearest.min()), int(nearest.max())
        if last - first < 1:
            first, last = max(0, first - 1), min(len(points) - 1, last + 1)
        count = last - first + 1
        top, bottom = np.full(count, -np.inf), np.full(count, -np.inf)
        np.maximum.at(top, nearest - first, -below)
        np.maximum.at(bottom, nearest - first, below)
        window = max(3, int(5 * height / (height / 4)) | 1)
        ascent, descent = (_envelope(values, window) for values in (top, bottom))
        low = 0.12 * height
        return cls(
            points[first : last + 1],
            normals[first : last + 1],
            np.maximum(ascent, 2 * low),
            np.maximum(descent, low),
        )

    def mapped(self, to: CoordinateMap, scale: float) -> LineProfile:
        """The same line in the target of a similarity (turn, shift and `scale`)."""
        tips = to.apply(self.points + self.normals)
        points = to.apply(self.points)
        return LineProfile(points, (tips - points) / scale, self.ascent * scale, self.descent * scale)

    @property
    def height(self) -> float:
        """Median height in pixels."""
        return float(np.median(self.ascent + self.descent))


@dataclass
class DetectionTargets:
    """Targets at 1/stride of an image: (h, w) float32 each, `extent` (2, h, w).

    `line`: 1 in the core of a line, fractions on its edge. `line_weight`: 0 where nothing is known.
    `extent`: input pixels from the cell's center to the top and bottom edge, valid where `line` > 0.5.
    `region`, `affinity`: Gaussian heat of characters and of the gaps between them.
    `character_weight`: 0 where characters are not annotated.
    """

    line: np.ndarray
    line_weight: np.ndarray
    extent: np.ndarray
    region: np.ndarray
    affinity: np.ndarray
    character_weight: np.ndarray


def draw_lines(
    lines: Sequence[LineProfile], size: tuple[int, int], stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Core (h, w) and extent (2, h, w) of lines given in input pixels; `size` is that of the maps.

    Where cores of two lines touch, the cells between them are cleared.
    """
    height, width = size
    segment = np.full(size, -1, np.int32)
    owner: list[int] = []
    profiles: list[np.ndarray] = []
    touching = np.zeros(size, bool)
    start = 0
    for number, line in enumerate(lines):
        table, quads = _core_segments(line, stride)
        mask = np.full(size, -1, np.int32)
        low = np.floor(quads.min(axis=(0, 1))).astype(int) - 1
        high = np.ceil(quads.max(axis=(0, 1))).astype(int) + 2
        x0, y0 = np.clip(low, 0, (width, height))
        x1, y1 = np.clip(high, 0, (width, height))
        if x1 <= x0 or y1 <= y0:
            continue
        fixed = np.round((quads - 0.5) * 16).astype(np.int32)
        for index, quad in enumerate(fixed):
            cv2.fillConvexPoly(mask, quad, start + index, cv2.LINE_8, 4)
        window = (slice(y0, y1), slice(x0, x1))
        drawn = mask[window] >= 0
        core = drawn & (_core(mask, np.array(table), start, window, stride)[0] > 0)
        taken = segment[window] >= 0
        touching[window] |= cv2.dilate(taken.astype(np.uint8), np.ones((3, 3))).astype(bool) & core
        segment[window][core & ~taken] = mask[window][core & ~taken]
        profiles.append(table)
        owner += [number] * len(table)
        start += len(table)
    line_map, extent = np.zeros(size, np.float32), np.zeros((2, *size), np.float32)
    if start:
        everything = (slice(0, height), slice(0, width))
        core, up, down = _core(segment, np.concatenate(profiles), 0, everything, stride)
        inside = segment >= 0
        line_map[inside] = core[inside]
        extent[0][inside], extent[1][inside] = up[inside], down[inside]
        line_map[touching] = 0
    return line_map, extent


def line_weight(
    polygons: Sequence[Polygon],
    ignore: Sequence[Polygon],
    size: tuple[int, int],
    stride: int,
    *,
    complete: bool,
    ring: float,
) -> np.ndarray:
    """(h, w) float32: 0 in `ignore` and, unless the page is `complete`, farther than `ring` input pixels from
    the annotated outlines."""
    weight = np.full(size, float(complete), np.float32)
    cells = [np.round(np.asarray(polygon) / stride - 0.5).astype(np.int32) for polygon in polygons]
    if not complete and cells:
        cv2.fillPoly(weight, cells, 1.0)
        cv2.polylines(weight, cells, True, 1.0, max(1, round(2 * ring / stride)))
    for polygon in ignore:
        cv2.fillPoly(weight, [np.round(np.asarray(polygon) / stride - 0.5).astype(np.int32)], 0.0)
    return weight


def draw_characters(
    words: Sequence[Sequence[Polygon]], size: tuple[int, int], stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Region and affinity heat (h, w) of words given as character quads (4, 2) in input pixels.

    An affinity box joins the centroids of the upper and lower triangles that the diagonals of two neighboring
    characters make (CRAFT, section 3.1).
    """
    quads = [np.asarray(quad, np.float64) for word in words for quad in word]
    links = [
        link
        for word in words
        for left, right in zip(word, word[1:], strict=False)
        for link in [_affinity_quad(np.asarray(left, np.float64), np.asarray(right, np.float64))]
    ]
    return _draw_gaussians(quads, size, stride), _draw_gaussians(links, size, stride)


def _axis(points: np.ndarray, height: float, *, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Points every quarter of a text height along a smoothed baseline, extended by `reach`, and their normals."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = max(2, int(np.ceil(lengths[-1] / (height / 4))) + 1)
    at = np.linspace(0, lengths[-1], count)
    spacing = at[1] - at[0]
    points = np.column_stack([np.interp(at, lengths, points[:, k]) for k in (0, 1)])
    stretch = int(np.clip(round(height / spacing), 1, count - 1))
    first, last = points[0] - points[stretch], points[-1] - points[-1 - stretch]
    if min(np.linalg.norm(first), np.linalg.norm(last)) < 1e-6:
        raise DataError("a baseline that returns to its start")
    steps = np.arange(1, int(np.ceil(reach / spacing)) + 1)[:, None] * spacing
    before = points[0] + first / np.linalg.norm(first) * steps[::-1]
    after = points[-1] + last / np.linalg.norm(last) * steps
    points = gaussian_filter1d(
        np.vstack([before, points, after]), 0.5 * height / spacing, axis=0, mode="nearest"
    )
    tangents = np.gradient(points, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    return points, np.column_stack([-tangents[:, 1], tangents[:, 0]])


def _densify(polygon: np.ndarray, spacing: float) -> np.ndarray:
    closed = np.vstack([polygon, polygon[:1]])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.union1d(np.arange(0, lengths[-1], max(spacing, 0.25)), lengths[:-1])
    return np.column_stack([np.interp(at, lengths, closed[:, k]) for k in (0, 1)])


def _envelope(values: np.ndarray, window: int) -> np.ndarray:
    """Smoothed upper envelope of measured values; where there are none (-inf) they are interpolated."""
    seen = np.isfinite(values)
    at = np.arange(len(values))
    values = np.interp(at, at[seen], values[seen])
    return gaussian_filter1d(
        percentile_filter(values, 85, window, mode="nearest"), window / 6, mode="nearest"
    )


def _core_segments(line: LineProfile, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of a line's core band.

    Returns a table (n, 8) of x, y, normal x, normal y, ascent, descent, arc from the start, arc to the end at
    each piece's middle, all in input pixels, and quads (n, 4, 2) in cells that cover the pieces amply.
    """
    middle = (line.points[:-1] + line.points[1:]) / 2
    normal = line.normals[:-1] + line.normals[1:]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    ascent = (line.ascent[:-1] + line.ascent[1:]) / 2
    descent = (line.descent[:-1] + line.descent[1:]) / 2
    steps = np.linalg.norm(np.diff(line.points, axis=0), axis=1)
    arc = np.cumsum(steps) - steps / 2
    table = np.column_stack([middle, normal, ascent, descent, arc, steps.sum() - arc])
    up = (CORE_TOP * line.ascent + stride)[:, None] * line.normals
    down = (CORE_BOTTOM * line.ascent + stride)[:, None] * line.normals
    top, bottom = (line.points - up) / stride, (line.points + down) / stride
    return table, np.stack([top[:-1], top[1:], bottom[1:], bottom[:-1]], axis=1)


def _core(
    segment: np.ndarray, table: np.ndarray, start: int, window: tuple[slice, slice], stride: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Core in [0, 1], distance to the top edge, distance to the bottom edge for the cells of a window; cells
    without a segment hold nonsense."""
    rows, columns = np.mgrid[window]
    row = table[np.maximum(segment[window] - start, 0)]
    dx, dy = (columns + 0.5) * stride - row[..., 0], (rows + 0.5) * stride - row[..., 1]
    below = dx * row[..., 2] + dy * row[..., 3]
    along = dx * row[..., 3] - dy * row[..., 2]
    ascent, descent = row[..., 4], row[..., 5]
    length = row[..., 6] + row[..., 7]
    # A word as short as its height keeps the middle third.
    end = np.minimum(CORE_END * ascent, length / 3)
    edge = np.minimum.reduce(
        [
            below + CORE_TOP * ascent,
            CORE_BOTTOM * ascent - below,
            row[..., 6] + along - end,
            row[..., 7] - along - end,
        ]
    )
    core = np.clip(edge / stride + 0.5, 0, 1)
    return core, np.maximum(ascent + below, 0), np.maximum(descent - below, 0)


def _affinity_quad(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    def triangles(quad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        center = quad.mean(axis=0)
        return (quad[0] + quad[1] + center) / 3, (quad[2] + quad[3] + center) / 3

    (top1, bottom1), (top2, bottom2) = triangles(left), triangles(right)
    return np.array([top1, top2, bottom2, bottom1])


def _draw_gaussians(quads: Sequence[np.ndarray], size: tuple[int, int], stride: int) -> np.ndarray:
    """(h, w) float32, the maximum of one Gaussian a quad, 1 in its middle."""
    heat = np.zeros(size, np.float32)
    if not len(quads):
        return heat
    cells = np.stack(quads) / stride - 0.5
    center = cells.mean(axis=1)
    inside = ((center > -1) & (center < (size[1], size[0]))).all(axis=1)
    cells, center = cells[inside], center[inside]
    if not len(cells):
        return heat
    # Half axes of the parallelogram nearest to the quad; at least half a cell, or small letters leave no trace.
    across = (cells[:, 1] + cells[:, 2] - cells[:, 0] - cells[:, 3]) / 4
    down = (cells[:, 2] + cells[:, 3] - cells[:, 0] - cells[:, 1]) / 4
    across, down = _at_least(across, 0.75, (1.0, 0.0)), _at_least(down, 0.75, (0.0, 1.0))
    determinant = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    flat = np.abs(determinant) < 0.2
    across[flat], down[flat] = (0.75, 0.0), (0.0, 0.75)
    determinant[flat] = 0.75**2
    reach = int(np.clip(np.ceil(np.abs(np.concatenate([across, down])).max() * 1.5), 2, 24))
    offset = np.arange(-reach, reach + 1)
    base = np.round(center).astype(int)
    columns = base[:, 0, None, None] + offset[None, None, :] + 0 * offset[None, :, None]
    rows = base[:, 1, None, None] + offset[None, :, None] + 0 * offset[None, None, :]
    dx, dy = columns - center[:, 0, None, None], rows - center[:, 1, None, None]
    u = (dx * down[:, 1, None, None] - dy * down[:, 0, None, None]) / determinant[:, None, None]
    v = (dy * across[:, 0, None, None] - dx * across[:, 1, None, None]) / determinant[:, None, None]
    value = np.exp(-0.5 * (u * u + v * v) / GAUSSIAN**2).astype(np.float32)
    valid = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1]) & (value > 0.01)
    np.maximum.at(heat, (rows[valid], columns[valid]), value[valid])
    return heat


def _at_least(vectors: np.ndarray, length: float, default: tuple[float, float]) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(
        lengths < 1e-6,
        np.multiply(default, length),
        vectors * np.maximum(1, length / np.maximum(lengths, 1e-6)),
    )
