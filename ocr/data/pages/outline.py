"""Annotated outlines and baselines in the form that `ocr.types` promises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.errors import DataError
from ocr.geometry import baseline_from_polygon
from ocr.types import Baseline, Polygon

MAX_EXTENT = 200_000
"""Pixels, or smaller units, that a coordinate may lie from the origin: an A0 page at 1200 dpi has 56,000."""


def as_polygon(points: Sequence | np.ndarray) -> Polygon:
    """(n, 2) float32, clockwise on screen, not closed.

    Raises:
        DataError: fewer than 3 distinct points, a coordinate that is no number, or no extent.
    """
    polygon = _points(points)
    if len(polygon) > 1 and (polygon[0] == polygon[-1]).all():
        polygon = polygon[:-1]
    if len(polygon) < 3 or np.ptp(polygon, axis=0).max() < 1:
        raise DataError(f"an outline needs 3 points and some extent, got {polygon.tolist()}"[:300])
    following = np.roll(polygon, -1, axis=0)
    area = (polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum()
    # With y pointing down, a positive shoelace sum is clockwise on screen.
    return polygon if area >= 0 else polygon[::-1].copy()


def as_baseline(points: Sequence | np.ndarray | None, polygon: Polygon) -> Baseline:
    """(n, 2) float32; estimated from the outline where there are fewer than 2 points."""
    if points is not None and len(points) >= 2:
        return _points(points)
    return baseline_from_polygon(polygon)


def _points(points: Sequence | np.ndarray) -> np.ndarray:
    try:
        array = np.asarray(points, np.float32).reshape(-1, 2)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"not a list of (x, y) points: {str(points)[:80]}") from error
    if not np.isfinite(array).all():
        raise DataError(f"a point is not finite: {array.tolist()}"[:200])
    if len(array) and np.abs(array).max() > MAX_EXTENT:
        raise DataError(f"a point is farther away than any page is large: {array.tolist()}"[:200])
    return array
