"""Rotated rectangles: the box a detector reports for a word or a line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ocr.errors import DataError
from ocr.types import Polygon


@dataclass(frozen=True)
class RotatedRect:
    """A rectangle whose text reads along its longer side.

    `center` (x, y) and `size` (height, width) in pixels, width >= height; `angle` in degrees, in (-90, 90], is the
    reading direction against the x axis, clockwise on screen: 90 reads downwards.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    angle: float

    def polygon(self) -> Polygon:
        """(4, 2) float32: top-left, top-right, bottom-right, bottom-left as the text is read."""
        height, width = self.size
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
        return (corners @ np.array([[cos, sin], [-sin, cos]]) + self.center).astype(np.float32)

    @classmethod
    def from_polygon(cls, polygon: Polygon, *, square: float = 1.15) -> RotatedRect:
        """The smallest rectangle around (n, 2) points.

        A shape whose sides differ by less than `square` times has no longer side worth the name; it keeps the
        angle nearest to 0, so that single letters do not flip between lying and standing.

        Raises:
            DataError: no points, or coordinates that are not finite.
        """
        points = np.asarray(polygon, dtype=np.float32).reshape(-1, 2)
        if len(points) == 0 or not np.isfinite(points).all():
            raise DataError(
                f"no rotated rectangle around {len(points)} points: they are missing or not finite"
            )
        # OpenCV loses precision far from the origin.
        origin = points.mean(axis=0)
        (x, y), (width, height), angle = cv2.minAreaRect(points - origin)
        center = (float(x + origin[0]), float(y + origin[1]))
        if max(width, height) <= square * min(width, height):
            turned = _wrap(angle + 90)
            if abs(turned) < abs(_wrap(angle)):
                width, height, angle = height, width, turned
        elif height > width:
            width, height, angle = height, width, angle + 90
        return cls(center, (float(height), float(width)), _wrap(angle))


def min_area_rect(polygon: Polygon) -> RotatedRect:
    """Call `RotatedRect.from_polygon` with its defaults."""
    return RotatedRect.from_polygon(polygon)


def _wrap(angle: float) -> float:
    """An undirected angle in (-90, 90]; a hair above -90 is 90, so that upright text does not flip."""
    angle = (angle + 90) % 180 - 90
    return float(angle + 180 if angle <= -90 + 1e-3 else angle)
