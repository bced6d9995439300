"""The order in which a person reads the lines of a page.

Columns are found first and rows inside them second. Both work on lines turned level by the page's own slant, and
both compare two lines where they face each other, so that lines which climb or fan out keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.geometry.rectangle import min_area_rect
from ocr.types import Polygon, TextLine

MIN_COLUMN_ROWS = 3
"""Rows that both sides of a gap need to be columns; fewer are an address, a date or a signature beside a text."""


SLANT_ASPECT = 5.0
"""Ratio of length to height from which a line tells of the page's slant; that of a word is its own."""


def reading_order(lines: Sequence[TextLine | Polygon], page_size: tuple[int, int]) -> list[int]:
    """Indices of `lines` (text lines or (n, 2) outlines) in reading order; `page_size` is (height, width).

    Left to right, top to bottom, columns one after the other. A heading or a footer that spans columns divides
    them into bands (a recursive cut in the manner of Nagy and Seth, Hierarchical Representation of Optically
    Scanned Documents, 1984, with spanning lines allowed).
    """
    return [index for column in reading_columns(lines, page_size) for index in column]


def reading_columns(lines: Sequence[TextLine | Polygon], page_size: tuple[int, int]) -> list[list[int]]:
    """Indices of `lines` as in `reading_order`, in parts that no gap between columns divides."""
    if len(lines) < 2:
        return [[index] for index in range(len(lines))]
    segments = _Segments.of(
        [line.polygon if isinstance(line, TextLine) else line for line in lines], page_size
    )
    return _order(segments, np.arange(len(lines)))


class _Segments:
    """Every line as a level-ish segment: `left`, `right`, mid-height `y0` at the left and `y1` at the right end,
    `height`; all (n,) float64 in a frame turned by the page's slant."""

    def __init__(self, left, right, y0, y1, height):
        self.left, self.right, self.y0, self.y1, self.height = left, right, y0, y1, height

    @classmethod
    def of(cls, polygons: Sequence[Polygon], page_size: tuple[int, int]) -> _Segments:
        rects = [min_area_rect(polygon) for polygon in polygons]
        angles = np.radians([rect.angle for rect in rects])
        size = np.array([rect.size for rect in rects])
        # Angles have no sign, so they are averaged doubled; short words say nothing about a page's slant.
        weight = np.where(size[:, 1] > SLANT_ASPECT * size[:, 0], size[:, 1], 0)
        slant = np.angle((weight * np.exp(2j * angles)).sum()) / 2 if weight.any() else 0.0
        turn = np.array([[np.cos(slant), np.sin(slant)], [-np.sin(slant), np.cos(slant)]])
        middle = np.array([page_size[1], page_size[0]]) / 2
        values = []
        for polygon, rect, angle in zip(polygons, rects, angles, strict=True):
            points = (np.asarray(polygon, np.float64).reshape(-1, 2) - middle) @ turn.T
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            tilt = np.angle(np.exp(2j * (angle - slant))) / 2
            if abs(tilt) > np.pi / 6 or rect.size[1] < 3 * rect.size[0]:
                # Text across the page's direction, and shapes too short to have one, are boxes.
                values.append(
                    (left, right, (top + bottom) / 2, (top + bottom) / 2, min(bottom - top, right - left))
                )
                continue
            y = (np.asarray(rect.center) - middle) @ turn[1]
            rise = np.tan(tilt) * (right - left) / 2
            values.append((left, right, y - rise, y + rise, rect.size[0]))
        return cls(*np.array(values).T)

    @property
    def y(self) -> np.ndarray:
        return (self.y0 + self.y1) / 2

    def y_at(self, x: np.ndarray) -> np.ndarray:
        """Mid-height of every line (rows of `x`) at `x` (n, m), constant beyond its ends."""
        width = np.maximum(self.right - self.left, 1e-6)[:, None]
        share = np.clip((x - self.left[:, None]) / width, 0, 1)
        return self.y0[:, None] * (1 - share) + self.y1[:, None] * share


def _order(segments: _Segments, indices: np.ndarray) -> list[list[int]]:
    if len(indices) < 2:
        return [[int(i)] for i in indices]
    cut = _column_cut(segments, indices)
    if cut is None:
        return [_rows(segments, indices)]
    result: list[list[int]] = []
    for band in cut:
        for part in band:
            result += _order(segments, part)
    return result


def _column_cut(segments: _Segments, indices: np.ndarray) -> list[list[np.ndarray]] | None:
    """Bands from top to bottom, each of one part or of a left and a right one; None without columns."""
    left, right, height = segments.left[indices], segments.right[indices], segments.height[indices]
    slack = 0.5 * np.median(height)
    best, best_score = None, 0.0
    for x in np.unique(np.concatenate([left, right])):
        # A line that merely runs on into the gap, or over it, still belongs to its own column.
        spans = np.minimum(x - left, right - x) > np.maximum(slack, 0.12 * (right - left))
        if spans.mean() > 0.5:
            continue
        is_left = (left + right) / 2 < x
        bands = _bands(segments, indices, spans, is_left)
        score = sum(len(band[0]) + len(band[1]) for band in bands if len(band) == 2) - 1.5 * spans.sum()
        # Of equally good cuts the one in the middle of the gap's left side wins, which is the first.
        if score > best_score:
            best, best_score = bands, score
    return best


def _bands(
    segments: _Segments, indices: np.ndarray, spans: np.ndarray, is_left: np.ndarray
) -> list[list[np.ndarray]]:
    """Divide lines at the spanning ones; runs between them that hold two columns are split."""
    bands: list[list[np.ndarray]] = []
    plain: list[int] = []
    by_height = np.argsort(segments.y[indices], kind="stable")
    # Each run of lines between two spanning ones, with the spanning line that ends it (none at the bottom).
    for run in np.split(by_height, np.flatnonzero(spans[by_height]) + 1):
        last = run[spans[run]]
        run = run[~spans[run]]
        a, b = indices[run[is_left[run]]], indices[run[~is_left[run]]]
        if _are_columns(segments, a, b):
            if plain:
                bands.append([indices[plain]])
            bands.append([a, b])
            plain = []
        else:
            plain.extend(run)
        plain.extend(last)
    if plain:
        bands.append([indices[plain]])
    return bands


def _are_columns(segments: _Segments, a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether two sets of lines, left and right of a gap, are columns, read one after the other."""
    if min(len(a), len(b)) < MIN_COLUMN_ROWS:
        return False
    height = float(np.median(segments.height[np.concatenate([a, b])]))
    ya, yb = np.sort(segments.y[a]), np.sort(segments.y[b])
    if min(_count_rows(ya, height), _count_rows(yb, height)) < MIN_COLUMN_ROWS:
        return False
    # A few margin notes far apart are not a column; they are read where they stand.
    if any(np.ptp(y) > 4 * height * _count_rows(y, height) for y in (ya, yb)):
        return False
    overlap = min(ya[-1], yb[-1]) - max(ya[0], yb[0])
    if overlap < 0.5 * min(np.ptp(ya), np.ptp(yb)):
        return False
    # Short or ragged entries, or two sides of unlike width, that stand level across the gap are the rows of a
    # form, a list or a table.
    level = np.abs(ya[:, None] - yb[None]) < 0.35 * height
    aligned = max(level.any(axis=1).mean(), level.any(axis=0).mean())
    widths = [segments.right[side] - segments.left[side] for side in (a, b)]
    narrow, wide = sorted(np.median(w) for w in widths)
    aspect = min(np.median(w / segments.height[side]) for w, side in zip(widths, (a, b), strict=True))
    fullness = min(np.median(w) / np.percentile(w, 90) for w in widths)
    gap = segments.left[b].min() - segments.right[a].max()
    tabular = aspect < 3 or fullness < 0.8 or narrow < 0.5 * wide
    return not (aligned > 0.7 and tabular and gap < 20 * height)


def _count_rows(y: np.ndarray, height: float) -> int:
    return 1 + int((np.diff(y) > 0.5 * height).sum())


def _rows(segments: _Segments, indices: np.ndarray) -> list[int]:
    """Top to bottom, and left to right where lines stand level: by how many others each line comes before."""
    s = _Segments(
        *(v[indices] for v in (segments.left, segments.right, segments.y0, segments.y1, segments.height))
    )
    start = np.maximum(s.left[:, None], s.left[None])
    end = np.minimum(s.right[:, None], s.right[None])
    # Where two lines overlap they are compared in the middle of it; else at the ends that face each other, which
    # is the middle of the gap after `y_at` has clipped it.
    y = s.y_at((start + end) / 2)
    below = y - y.T
    height = np.minimum(s.height[:, None], s.height[None])
    narrow = np.minimum(s.right - s.left, (s.right - s.left)[:, None])
    level = (end - start < 0.3 * narrow) & (np.abs(below) < 0.6 * height)
    center = (s.left + s.right) / 2
    before = np.where(level, center[:, None] < center[None], below < 0)
    np.fill_diagonal(before, False)
    return [int(i) for i in indices[np.lexsort((center, s.y, -before.sum(axis=1)))]]
