"""Conversion between lines as the reader knows them and the region structs of a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components
from shapely import Geometry, STRtree

from ocr.geometry import RotatedRect, bounding_box, min_area_rect, to_shapely
from ocr.geometry.rectify import BASELINE_SHARE
from ocr.spark.worker import Row
from ocr.types import Polygon, TextLine, TextRegion

OVERLAP = 0.5
"""Regions are merged when they share more than this part of the smaller one."""


def line_region(line: TextLine, *, index: int, page: int) -> Row:
    """The region of a found line, with its outline."""
    region = rectangle(line.polygon, line.detection_score, "line") | {"index": index, "page": page}
    return region | {"outline": flat(line.polygon), "baseline": flat(line.baseline)}


def word_region(word: TextRegion, *, index: int, page: int) -> Row:
    """The region of a found word."""
    return rectangle(word.polygon, word.score, word.label) | {"index": index, "page": page}


def rectangle(around: Polygon, score: float, label: str) -> Row:
    """The smallest rectangle around (n, 2) points as fields of a region."""
    rect = min_area_rect(around)
    height, width = rect.size
    return {
        "x": rect.center[0] - width / 2,
        "y": rect.center[1] - height / 2,
        "width": width,
        "height": height,
        "score": float(score),
        "label": label,
        "angle": rect.angle,
        "rotated": rect.angle != 0,
    }


def rotated_rect(region: Row) -> RotatedRect:
    """A region's rectangle; its text reads along its width, whichever side is longer."""
    width, height = region["width"], region["height"]
    center = region["x"] + width / 2, region["y"] + height / 2
    angle = (region.get("angle") or 0.0) if region.get("rotated") else 0.0
    return RotatedRect(center, (height, width), angle)


def region_line(region: Row) -> TextLine:
    """The line to read at a region: along its outline and baseline, or straight through its rectangle."""
    if not region.get("outline"):
        return straight_line(rotated_rect(region), region.get("score") or 0.0)
    baseline = points(region.get("baseline") or [])
    return TextLine(points(region["outline"]), baseline, detection_score=region.get("score") or 0.0)


def straight_line(rect: RotatedRect, score: float) -> TextLine:
    """A line that fills a rectangle."""
    outline = rect.polygon()
    top, bottom = outline[:2], outline[:1:-1]
    return TextLine(outline, top + BASELINE_SHARE * (bottom - top), detection_score=score)


def polygon(region: Row) -> Polygon:
    """(n, 2) float32: a region's outline, or its rectangle."""
    return points(region["outline"]) if region.get("outline") else rotated_rect(region).polygon()


def upright(around: Polygon) -> Row:
    """Return `x`, `y`, `width` and `height` of the upright box around (n, 2) points."""
    left, top, right, bottom = bounding_box(around)
    return {"x": float(left), "y": float(top), "width": float(right - left), "height": float(bottom - top)}


def flat(points: np.ndarray) -> list[float]:
    """x1, y1, x2, y2 ... of (n, 2) points."""
    return np.asarray(points, np.float32).ravel().tolist()


def points(values: Sequence[float]) -> np.ndarray:
    """(n, 2) float32 from x1, y1, x2, y2 ..."""
    return np.asarray(values, np.float32).reshape(-1, 2)


def merge(regions: list[Row]) -> list[Row]:
    """Regions, with those that cover each other (see `OVERLAP`) replaced by one rectangle around them.

    Outlines of merged regions are lost; the score is the best of them; the order is that of the first.
    """
    if not regions:
        return []
    polygons = [polygon(region) for region in regions]
    shapes = [to_shapely(each) for each in polygons]
    links = np.eye(len(regions))
    for i, j in STRtree(shapes).query(shapes, predicate="intersects").T:
        links[i, j] = _covers(shapes[i], shapes[j])
    groups = connected_components(links)[1].tolist()
    merged: dict[int, list[int]] = {}
    for i, group in enumerate(groups):
        merged.setdefault(group, []).append(i)
    return [
        _around([regions[i] for i in members], [polygons[i] for i in members]) | {"index": index}
        for index, members in enumerate(merged.values())
    ]


def _covers(first: Geometry, second: Geometry) -> bool:
    return first.intersection(second).area > OVERLAP * min(first.area, second.area)


def _around(regions: list[Row], polygons: list[Polygon]) -> Row:
    """One region for several; a single one stays as it is."""
    if len(regions) == 1:
        return regions[0]
    score = max(region["score"] for region in regions)
    box = rectangle(np.concatenate(polygons), score, regions[0]["label"])
    return box | {"page": regions[0]["page"], "outline": None, "baseline": None}
