"""Polygon measures and set operations; invalid outlines are repaired rather than refused."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry import Polygon as ShapelyPolygon

from ocr.errors import DataError
from ocr.types import Baseline, Polygon


def to_shapely(polygon: Polygon) -> ShapelyPolygon | MultiPolygon:
    """A valid shapely geometry for (n, 2) vertices; bow-ties are repaired, fewer than 3 points are empty."""
    points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise DataError("a polygon holds a coordinate that is not a finite number")
    if len(points) < 3:
        return ShapelyPolygon()
    shape = ShapelyPolygon(points)
    if shape.is_valid:
        return shape
    # make_valid may add dangling lines where an outline doubles back; only its areas are kept.
    parts = [part for part in _polygons(shapely.make_valid(shape)) if part.area > 0]
    if not parts:
        return ShapelyPolygon()
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def polygon_area(polygon: Polygon) -> float:
    """Area in square pixels."""
    return float(to_shapely(polygon).area)


def polygon_iou(first: Polygon, second: Polygon) -> float:
    """Intersection over union in [0, 1]; 0 where either has no area."""
    a, b = to_shapely(first), to_shapely(second)
    overlap = a.intersection(b).area
    union = a.area + b.area - overlap
    return float(overlap / union) if union > 0 else 0.0


def clip_polygon(polygon: Polygon, height: float, width: float) -> Polygon:
    """The largest part of a polygon inside a (height, width) image: (m, 2) float32, (0, 2) where nothing is."""
    inside = to_shapely(polygon).intersection(shapely.box(0, 0, width, height))
    parts = _polygons(inside)
    if not parts:
        return np.zeros((0, 2), np.float32)
    return _vertices(max(parts, key=lambda part: part.area))


def bounding_box(points: np.ndarray) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of (n, 2) points."""
    points = np.asarray(points).reshape(-1, 2)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def line_polygon_from_baseline(baseline: Baseline, ascent: float, descent: float) -> Polygon:
    """The band from `ascent` pixels above to `descent` below a (n, 2) baseline: (2n, 2) float32, clockwise.

    Offsets follow the normal at each vertex; a vertex's normal is the mean of its two segments'.
    """
    points = distinct_points(baseline)
    if len(points) < 2:
        raise DataError(f"a baseline needs two different points, got {np.asarray(baseline).tolist()}")
    segments = np.diff(points, axis=0)
    segments /= np.linalg.norm(segments, axis=1, keepdims=True)
    tangents = np.vstack([segments[:1], segments[:-1] + segments[1:], segments[-1:]])
    lengths = np.linalg.norm(tangents, axis=1, keepdims=True)
    # A hairpin has no mean direction; its incoming segment's serves.
    tangents = np.where(
        lengths > 1e-6, tangents / np.maximum(lengths, 1e-6), np.vstack([segments[:1], segments])
    )
    down = np.column_stack([-tangents[:, 1], tangents[:, 0]])
    return np.vstack([points - ascent * down, (points + descent * down)[::-1]]).astype(np.float32)


def distinct_points(points: np.ndarray) -> np.ndarray:
    """(n, 2) float64 without points that repeat their predecessor."""
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(points) < 2:
        return points
    moves = np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-6
    return points[np.concatenate([[True], moves])]


def _polygons(shape: shapely.Geometry) -> list[ShapelyPolygon]:
    if shape.geom_type == "Polygon":
        return [] if shape.is_empty else [shape]
    return [part for child in getattr(shape, "geoms", []) for part in _polygons(child)]


def _vertices(shape: ShapelyPolygon) -> Polygon:
    """Exterior ring without the closing point, clockwise on screen (y grows downwards)."""
    ring = np.asarray(shape.exterior.coords)[:-1]
    # With y downwards, shapely's counter-clockwise is clockwise on screen.
    return (ring if shape.exterior.is_ccw else ring[::-1]).astype(np.float32)
