"""Cut a line of text out of a page and straighten it along its baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from ocr.errors import DataError
from ocr.geometry.polygons import bounding_box, distinct_points
from ocr.geometry.rectangle import min_area_rect
from ocr.types import Baseline, Polygon

BASELINE_SHARE = 0.69
"""Where a baseline lies between the top and the bottom of a line's outline: the median of 577 annotated lines."""

OUTLIERS = 6.0
"""Percent of a line's columns whose outline may reach past the top, and past the bottom, of its crop."""

PAD = 0.064
"""Margin above and below the text as a fraction of the crop's height."""

END_PAD = 0.105
"""Margin before and after the text as a fraction of the crop's height."""


@dataclass(frozen=True)
class RectifiedLine:
    """A straightened line: `image` uint8 (h, w) or (h, w, 3), and the two maps between it and its page.

    `to_page` maps (n, 2) points of the crop to the page, `to_crop` back; both in corner coordinates.
    """

    image: np.ndarray
    to_page: Callable[[np.ndarray], np.ndarray]
    to_crop: Callable[[np.ndarray], np.ndarray]


def rectify_line(
    image: np.ndarray,
    polygon: Polygon,
    baseline: Baseline | None,
    *,
    height: int = 64,
    pad: float = PAD,
    max_width: int = 8192,
) -> RectifiedLine:
    """Straighten the line `polygon` (n, 2) of `image` uint8 (h, w) or (h, w, 3) to `height` pixels.

    The aspect ratio is kept: columns follow the smoothed baseline by arc length, rows its normal. The outline is
    measured column by column, and the top and bottom of all but `OUTLIERS` percent of the columns set the crop's
    height, so one long tail does not shrink a line; `pad` is added above and below, and `END_PAD` at either end.
    So framed, a crop lies within 2 % in scale and half a pixel of 64 of the line crops recognizers train on.
    Pixels outside the page repeat its border. Without a baseline one is estimated from the polygon.

    Raises:
        DataError: the polygon has fewer than 3 points or no extent.
    """
    polygon = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    if len(polygon) < 3 or not np.isfinite(polygon).all() or np.ptp(polygon, axis=0).max() < 1:
        raise DataError(f"a line outline needs 3 finite points and some extent, got {polygon.tolist()}")
    points = distinct_points(baseline) if baseline is not None else np.zeros((0, 2))
    if len(points) < 2:
        points = distinct_points(baseline_from_polygon(polygon))
    axis = _Axis.along(points, polygon)
    along = axis.project(_densify(polygon))
    top, bottom = _vertical_extent(along)
    rows = (bottom - top) / (1 - 2 * pad)
    top -= pad * rows
    margin = END_PAD * rows
    left, right = along[:, 0].min() - margin, along[:, 0].max() + margin
    scale = height / rows
    width = int(np.clip(round((right - left) * scale), 1, max_width))
    step = (right - left) / width, rows / height

    def to_page(crop_points: np.ndarray) -> np.ndarray:
        crop_points = np.asarray(crop_points, dtype=np.float64).reshape(-1, 2)
        return axis.unproject(crop_points * step + (left, top)).astype(np.float32)

    def to_crop(page_points: np.ndarray) -> np.ndarray:
        page_points = np.asarray(page_points, dtype=np.float64).reshape(-1, 2)
        return ((axis.project(page_points) - (left, top)) / step).astype(np.float32)

    return RectifiedLine(
        _sample(image, axis, (left, top), (rows, right - left), (height, width)), to_page, to_crop
    )


def baseline_from_polygon(polygon: Polygon) -> Baseline:
    """A baseline for an outline that came without one: (n, 2) float32 in reading direction.

    It follows the middle of the outline, as a parabola where the line is long enough to show a bend, at the share
    of the height where baselines lie.
    """
    rect = min_area_rect(polygon)
    radians = np.deg2rad(rect.angle)
    along = np.array([np.cos(radians), np.sin(radians)])
    down = np.array([-along[1], along[0]])
    local = (_densify(np.asarray(polygon, dtype=np.float64)) - rect.center) @ np.column_stack([along, down])
    height, width = max(rect.size[0], 1.0), max(rect.size[1], 1.0)
    count = int(np.clip(width / height * 2, 1, 24))
    edges = np.linspace(-width / 2, width / 2, count + 1)
    bins = np.clip(np.digitize(local[:, 0], edges) - 1, 0, count - 1)
    centers, middles = [], []
    for index in range(count):
        inside = local[bins == index, 1]
        if len(inside) >= 2:
            centers.append((edges[index] + edges[index + 1]) / 2)
            middles.append(inside.min() + BASELINE_SHARE * np.ptp(inside))
    degree = 0 if len(centers) < 4 else 1 if len(centers) < 10 else 2
    line = np.polynomial.Polynomial.fit(centers, middles, degree) if centers else (lambda x: 0 * x)
    x = np.linspace(-width / 2, width / 2, 2 if degree < 2 else 9)
    return (np.column_stack([x, line(x)]) @ np.vstack([along, down]) + rect.center).astype(np.float32)


@dataclass(frozen=True)
class _Axis:
    """A smooth curve: `points` (n, 2), unit `normals` (n, 2) that point below the text, `arc` length (n,)."""

    points: np.ndarray
    normals: np.ndarray
    arc: np.ndarray

    @classmethod
    def along(cls, baseline: np.ndarray, polygon: np.ndarray) -> _Axis:
        """Smooth a baseline over about one text height and extend it past the ends of the polygon."""
        lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(baseline, axis=0), axis=1))])
        total = lengths[-1]
        size = max(min_area_rect(polygon).size[0], 1.0)
        count = max(2, int(np.ceil(total / max(size / 16, 1.0))) + 1)
        spacing = total / (count - 1)
        at = np.linspace(0, total, count)
        points = np.column_stack([np.interp(at, lengths, baseline[:, k]) for k in (0, 1)])
        # The end directions come from a stretch as long as the text is high: single end segments are noisy.
        stretch = int(np.clip(round(size / spacing), 1, count - 1))
        first, last = points[0] - points[stretch], points[-1] - points[-1 - stretch]
        if min(np.linalg.norm(first), np.linalg.norm(last)) < 1e-6:
            raise DataError(
                f"a baseline that returns to its start cannot be straightened: {baseline.tolist()}"
            )
        reach = np.linalg.norm(np.ptp(np.vstack([polygon, baseline]), axis=0)) + 2 * size
        extra = int(np.ceil(reach / spacing))
        steps = np.arange(1, extra + 1)[:, None] * spacing
        before = points[0] + first / np.linalg.norm(first) * steps[::-1]
        after = points[-1] + last / np.linalg.norm(last) * steps
        points = np.vstack([before, points, after])
        points = gaussian_filter1d(points, size / 2 / spacing, axis=0, mode="nearest")
        tangents = np.gradient(points, axis=0)
        tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        arc = np.concatenate([[0.0], np.cumsum(steps)])
        return cls(points, np.column_stack([-tangents[:, 1], tangents[:, 0]]), arc)

    def frame(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points and downward normals at arc lengths (n,): two (n, 2)."""
        point = np.column_stack([np.interp(at, self.arc, self.points[:, k]) for k in (0, 1)])
        normal = np.column_stack([np.interp(at, self.arc, self.normals[:, k]) for k in (0, 1)])
        return point, normal

    def unproject(self, local: np.ndarray) -> np.ndarray:
        """(n, 2) of (arc length, distance below the baseline) to page points."""
        point, normal = self.frame(local[:, 0])
        return point + local[:, 1:] * normal

    def project(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `unproject`, (n, 2)."""
        at = self.arc[cKDTree(self.points).query(points)[1]]
        for _ in range(8):
            base, normal = self.frame(at)
            tangent = np.column_stack([normal[:, 1], -normal[:, 0]])
            at = np.clip(at + ((points - base) * tangent).sum(1), self.arc[0], self.arc[-1])
        base, normal = self.frame(at)
        return np.column_stack([at, ((points - base) * normal).sum(1) / (normal**2).sum(1)])


def _densify(polygon: np.ndarray, spacing: float = 1.0) -> np.ndarray:
    """Points about every `spacing` pixels along a closed outline, so that percentiles weigh length."""
    closed = np.vstack([polygon, polygon[:1]])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    count = max(len(polygon), int(lengths[-1] / spacing))
    at = np.union1d(np.linspace(0, lengths[-1], count, endpoint=False), lengths[:-1])
    return np.column_stack([np.interp(at, lengths, closed[:, k]) for k in (0, 1)])


def _vertical_extent(along: np.ndarray) -> tuple[float, float]:
    """Top and bottom against the baseline of an outline in (arc length, distance below) coordinates (n, 2)."""
    columns = np.floor(along[:, 0] - along[:, 0].min()).astype(int)
    upper, lower = np.full(columns.max() + 1, np.inf), np.full(columns.max() + 1, -np.inf)
    np.minimum.at(upper, columns, along[:, 1])
    np.maximum.at(lower, columns, along[:, 1])
    seen = np.isfinite(upper)
    top = float(np.percentile(upper[seen], OUTLIERS))
    bottom = float(np.percentile(lower[seen], 100 - OUTLIERS))
    return (top, bottom) if bottom - top >= 2 else (top - 1, bottom + 1)


def _sample(
    image: np.ndarray,
    axis: _Axis,
    origin: tuple[float, float],
    extent: tuple[float, float],
    size: tuple[int, int],
) -> np.ndarray:
    """Pixels of the band at `origin` (arc, below) of `extent` (rows, columns), as an image of `size` (h, w)."""
    # Sampled at the page's own resolution and then averaged down, or fine strokes would be skipped.
    rows = max(size[0], round(extent[0]))
    columns = max(size[1], round(extent[1])) if rows > size[0] else size[1]
    along = origin[0] + (np.arange(columns) + 0.5) * extent[1] / columns
    below = origin[1] + (np.arange(rows) + 0.5) * extent[0] / rows
    base, normal = axis.frame(along)
    # The band's rows are straight across it, so its first and last row bound it.
    edges = np.vstack([base + below[0] * normal, base + below[-1] * normal]) - 0.5
    left, top, right, bottom = bounding_box(edges)
    # A window of the page, because cv2.remap takes no image beyond 32767 pixels.
    x0, y0 = int(np.clip(left - 2, 0, image.shape[1] - 1)), int(np.clip(top - 2, 0, image.shape[0] - 1))
    x1, y1 = int(np.clip(right + 3, x0 + 1, image.shape[1])), int(np.clip(bottom + 3, y0 + 1, image.shape[0]))
    start, down = (base - 0.5 - (x0, y0)).astype(np.float32), normal.astype(np.float32)
    grid_x, grid_y = (start[:, k] + below.astype(np.float32)[:, None] * down[:, k] for k in (0, 1))
    crop = cv2.remap(
        np.ascontiguousarray(image[y0:y1, x0:x1]),
        grid_x,
        grid_y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if (rows, columns) != size:
        crop = cv2.resize(crop, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return crop
