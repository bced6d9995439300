"""Training targets of the detector: the core, the extent and the weight of every line as maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ocr.detection.core import CORE_BOTTOM, CORE_END, CORE_TOP
from ocr.detection.profile import LineProfile
from ocr.types import Polygon


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
    segment = np.full(size, -1, np.int32)
    touching = np.zeros(size, bool)
    tables: list[np.ndarray] = []
    start = 0
    for line in lines:
        table, quads = _core_segments(line, stride)
        window = _window(quads, size)
        if window is None:
            continue
        numbers = _numbered(quads, size)[window]
        core = (numbers >= 0) & (_core(numbers, table, window, stride)[0] > 0)
        taken = segment[window] >= 0
        touching[window] |= cv2.dilate(taken.astype(np.uint8), np.ones((3, 3))).astype(bool) & core
        segment[window][core & ~taken] = start + numbers[core & ~taken]
        tables.append(table)
        start += len(table)
    return _core_and_extent(segment, touching, tables, stride)


def _window(quads: np.ndarray, size: tuple[int, int]) -> tuple[slice, slice] | None:
    """Rows and columns of the cells that quads (n, 4, 2) may touch; None outside the map."""
    low = np.floor(quads.min(axis=(0, 1))).astype(int) - 1
    high = np.ceil(quads.max(axis=(0, 1))).astype(int) + 2
    (x0, y0), (x1, y1) = (np.clip(corner, 0, size[::-1]) for corner in (low, high))
    return (slice(y0, y1), slice(x0, x1)) if x1 > x0 and y1 > y0 else None


def _numbered(quads: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) int32: the number of the last quad over each cell, -1 where there is none."""
    numbers = np.full(size, -1, np.int32)
    for number, quad in enumerate(np.round((quads - 0.5) * 16).astype(np.int32)):
        cv2.fillConvexPoly(numbers, quad, number, cv2.LINE_8, 4)
    return numbers


def _core_and_extent(
    segment: np.ndarray, touching: np.ndarray, tables: Sequence[np.ndarray], stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Maps of `draw_lines` from the segment of each cell, -1 for none."""
    size = segment.shape
    line_map, extent = np.zeros(size, np.float32), np.zeros((2, *size), np.float32)
    if tables:
        everything = (slice(0, size[0]), slice(0, size[1]))
        core, up, down = _core(segment, np.concatenate(tables), everything, stride)
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
    segment: np.ndarray, table: np.ndarray, window: tuple[slice, slice], stride: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Core in [0, 1], distance to the top edge and to the bottom edge, (h, w) each, for the cells of a window.

    `segment` (h, w) tells the row of `table` for each cell; where it is -1, the results mean nothing.
    """
    rows, columns = np.mgrid[window]
    row = table[np.maximum(segment, 0)]
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
