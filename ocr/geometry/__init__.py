"""Polygons, rotated rectangles, coordinate maps, line rectification, reading order and paragraphs.

One convention everywhere: points are (x, y) with the origin at the top-left *corner* of the top-left pixel, so
pixel (row i, column j) covers [j, j + 1] x [i, i + 1] and its center is (j + 0.5, i + 0.5). Scaling an image by
a factor then scales its coordinates by the same factor, with no half-pixel terms; only calls into OpenCV, which
counts from pixel centers, shift by half a pixel (`CoordinateMap.for_cv2`).
"""

from ocr.geometry.lines import line_height, moved_line
from ocr.geometry.maps import CoordinateMap
from ocr.geometry.order import reading_order
from ocr.geometry.paragraphs import paragraphs
from ocr.geometry.polygons import (
    bounding_box,
    clip_polygon,
    line_polygon_from_baseline,
    polygon_area,
    polygon_iou,
    to_shapely,
)
from ocr.geometry.rectangle import RotatedRect, min_area_rect
from ocr.geometry.rectify import RectifiedLine, baseline_from_polygon, rectify_line
from ocr.geometry.resize import resize_page

__all__ = [
    "CoordinateMap",
    "RectifiedLine",
    "RotatedRect",
    "baseline_from_polygon",
    "bounding_box",
    "clip_polygon",
    "line_height",
    "line_polygon_from_baseline",
    "min_area_rect",
    "moved_line",
    "paragraphs",
    "polygon_area",
    "polygon_iou",
    "reading_order",
    "rectify_line",
    "resize_page",
    "to_shapely",
]
