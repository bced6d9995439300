"""Lines of an annotated page measured along their baselines: how far letters rise above and reach below."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter
from scipy.spatial import cKDTree

from ocr.errors import DataError
from ocr.geometry import CoordinateMap, min_area_rect
from ocr.geometry.polygons import distinct_points
from ocr.types import Baseline, Polygon

_ENVELOPE_POINTS = 21
"""Points of a baseline in five text heights, which lie a quarter of a height apart."""

_MIN_DESCENT = 0.12
"""Smallest descent, as a share of the text height; the smallest ascent is twice as large."""


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
        height = _text_height(polygon, points)
        points, normals = _axis(points, height, reach=float(np.ptp(polygon, axis=0).sum()))
        edge = _densify(np.asarray(polygon, np.float64), height / 8)
        covered, top, bottom = _reach(edge, points, normals)
        ascent, descent = _envelope(top), _envelope(bottom)
        return cls(
            points[covered],
            normals[covered],
            np.maximum(ascent, 2 * _MIN_DESCENT * height),
            np.maximum(descent, _MIN_DESCENT * height),
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


def _text_height(polygon: Polygon, points: np.ndarray) -> float:
    """Height of an outline across its baseline. Raises DataError for one without extent."""
    height = min_area_rect(polygon).size[0]
    if len(points) < 2 or height < 1:
        raise DataError(f"a line without extent: baseline {points.tolist()}")
    # A slanted outline's rectangle is too high; its area over its length is not.
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    area = abs(cv2.contourArea(np.asarray(polygon, np.float32)))
    return float(np.clip(area / length, 2.0, height)) if area > 0 else height


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


def _reach(edge: np.ndarray, points: np.ndarray, normals: np.ndarray) -> tuple[slice, np.ndarray, np.ndarray]:
    """Measure how far an outline reaches from a baseline.

    Args:
        edge: (k, 2) points on the outline. points, normals: (n, 2) each, of the baseline.
    Returns:
        the m baseline points between the outline's ends; (m,) the farthest distance above and (m,) below each,
        -inf where no point of the outline is nearest.
    """
    nearest = cKDTree(points).query(edge)[1]
    below = ((edge - points[nearest]) * normals[nearest]).sum(axis=1)
    first, last = int(nearest.min()), int(nearest.max())
    if last - first < 1:
        first, last = max(0, first - 1), min(len(points) - 1, last + 1)
    top, bottom = np.full((2, last - first + 1), -np.inf)
    np.maximum.at(top, nearest - first, -below)
    np.maximum.at(bottom, nearest - first, below)
    return slice(first, last + 1), top, bottom


def _envelope(values: np.ndarray) -> np.ndarray:
    """Smoothed upper envelope of measured values; where there are none (-inf) they are interpolated."""
    seen = np.isfinite(values)
    at = np.arange(len(values))
    values = np.interp(at, at[seen], values[seen])
    envelope = percentile_filter(values, 85, _ENVELOPE_POINTS, mode="nearest")
    return gaussian_filter1d(envelope, _ENVELOPE_POINTS / 6, mode="nearest")
