"""Tables with ruled lines: their cells, found in the picture of the page, and the words in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ocr.geometry.rows import level_frame, median_height, page_rows, part_of_line
from ocr.output.layout import parts
from ocr.types import TextLine, Word

ROW_HEIGHT = 32
"""Height of a line of text, in pixels, to which pages are reduced: rules of a hair's width remain."""

MAX_SIDE = 8000
"""Longer side in pixels of the reduced page; very long pages are reduced further."""

CONTRAST = 8
"""Gray levels by which rules are darker than their surroundings."""

MIN_RULE = (4.0, 2.0)
"""Length of horizontal and vertical rules, in heights of a line, from which they are no strokes of letters."""

MIN_CELL = 0.7
"""Height and width of a cell, in heights of a line."""

FITTING = 0.8
"""Share of the words in a grid that must each lie within one cell, which those on squared paper do not."""


@dataclass(frozen=True)
class RuledTable:
    """Rows of cells with the text in them; a cell keeps its lines. `top` and `bottom` as the levels of rows."""

    rows: list[list[str]]
    top: float
    bottom: float


@dataclass(frozen=True)
class _Frame:
    """Points of the page in the level, reduced picture: `points @ turn * scale - origin`."""

    turn: np.ndarray
    scale: float
    origin: np.ndarray

    def place(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(points, np.float64) @ self.turn * self.scale - self.origin


@dataclass(frozen=True)
class _Grid:
    """Cells of a table: `labels` of the level picture, 0 outside of cells, and row and column of each label."""

    labels: np.ndarray
    places: dict[int, tuple[int, int]]
    top: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = np.array(list(self.places.values())).max(axis=0) + 1
        return int(rows), int(columns)

    def cell(self, frame: _Frame, word: Word) -> int:
        """Return the label of the cell that holds both halves of a word, else 0."""
        points = frame.place(word.polygon)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        y = int(np.clip((top + bottom) / 2, 0, len(self.labels) - 1))
        x = np.clip(
            [left + share * (right - left) for share in (0.25, 0.5, 0.75)], 0, self.labels.shape[1] - 1
        )
        found = set(self.labels[y, x.astype(int)].tolist())
        return found.pop() if len(found) == 1 else 0


def ruled_tables(lines: Sequence[TextLine], image: np.ndarray) -> tuple[list[RuledTable], list[TextLine]]:
    """Find the tables with ruled lines of a page, and put the text into their cells.

    Args:
        lines: in pixels of `image`, uint8 (h, w, 3) RGB, which may be slanted or turned by quarters.

    Returns:
        The tables from top to bottom, and the lines and parts of lines that are in none of them.
    """
    rest = [line for line in lines if line.text]
    if not rest:
        return [], rest
    picture, frame = _level_picture(rest, image)
    tables = []
    for grid in _grids(picture):
        inside, outside = _divide(rest, grid, frame)
        if inside is None:
            continue
        rest = outside
        height, width = grid.shape
        rows = [
            [_cell_text(inside.get((row, column), [])) for column in range(width)] for row in range(height)
        ]
        top, bottom = ((y + frame.origin[1]) / frame.scale for y in (grid.top, grid.bottom))
        tables.append(RuledTable(rows, top, bottom))
    return sorted(tables, key=lambda table: table.top), rest


def _level_picture(lines: Sequence[TextLine], image: np.ndarray) -> tuple[np.ndarray, _Frame]:
    """Turn the page level and reduce it; returns the darkest of its colors, uint8 (h, w), and where points are."""
    turn = level_frame(lines)
    height, width = image.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) @ turn
    size = np.ptp(corners, axis=0)
    scale = min(ROW_HEIGHT / median_height(lines, turn), 1.0, MAX_SIDE / size.max())
    frame = _Frame(turn, scale, corners.min(axis=0) * scale)
    # Rules of any color are dark in one of them.
    darkest = image.min(axis=2)
    if scale < 1:
        # Without the average over pixels, thin rules would be lost between samples.
        reduced = (max(round(width * scale), 1), max(round(height * scale), 1))
        darkest = cv2.resize(darkest, reduced, interpolation=cv2.INTER_AREA)
    matrix = np.column_stack([turn.T, -frame.origin])
    shape = tuple(int(value) for value in np.ceil(size * scale))
    picture = cv2.warpAffine(darkest, matrix, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return picture, frame


def _rules(picture: np.ndarray) -> np.ndarray:
    """Return the mask of horizontal and vertical rules of a level picture, with small gaps closed."""
    dark = cv2.adaptiveThreshold(
        picture, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, ROW_HEIGHT // 2 * 2 + 1, CONTRAST
    )
    grid = np.zeros_like(dark)
    for axis, least in enumerate(MIN_RULE):
        across, along = [3, 3], [1, 1]
        across[axis] = 1
        along[axis] = round(least * ROW_HEIGHT)
        gap = [1, 1]
        gap[axis] = ROW_HEIGHT // 2 + 1
        # Thickened, as a rule that bends or slants leaves a straight path of one pixel.
        thick = cv2.dilate(dark, np.ones(across[::-1], np.uint8))
        rules = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones(along[::-1], np.uint8))
        grid |= cv2.dilate(rules, np.ones(gap[::-1], np.uint8))
    return grid


def _grids(picture: np.ndarray) -> list[_Grid]:
    """Find grids of at least two columns, the largest first."""
    rules = _rules(picture)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rules)
    grids = []
    for label in sorted(range(1, count), key=lambda each: -stats[each, cv2.CC_STAT_AREA]):
        if min(stats[label, cv2.CC_STAT_WIDTH], stats[label, cv2.CC_STAT_HEIGHT]) > ROW_HEIGHT:
            grid = _grid((labels == label).astype(np.uint8))
            if grid is not None:
                grids.append(grid)
    return grids


def _grid(rules: np.ndarray) -> _Grid | None:
    """Find the cells between connected rules, uint8 (h, w); None where these are fewer than two columns."""
    points = cv2.findNonZero(rules)
    hull = cv2.convexHull(points)
    inside = cv2.fillConvexPoly(np.zeros_like(rules), hull, 1)
    # Tables without lines at their sides end where their rules end.
    cv2.polylines(inside, [hull], True, 0, 2)
    inside[rules > 0] = 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    least = MIN_CELL * ROW_HEIGHT
    cells = [
        label
        for label in range(1, len(stats))
        if min(stats[label, cv2.CC_STAT_WIDTH], stats[label, cv2.CC_STAT_HEIGHT]) >= least
    ]
    if len(cells) < 2:
        return None
    corners = np.array([_corner(stats[cell], hull) for cell in cells])
    columns, rows = (_ranks(corners[:, axis]) for axis in (0, 1))
    if max(columns) == 0:
        return None
    places = {cell: (row, column) for cell, row, column in zip(cells, rows, columns, strict=True)}
    return _Grid(labels, places, int(hull[:, 0, 1].min()), int(hull[:, 0, 1].max()))


def _corner(box: np.ndarray, hull: np.ndarray) -> tuple[float, float]:
    """Return the left end and the top of a cell (x, y, width, height, area), where its table is a rectangle."""
    x, y, width, height = box[:4]
    edges = np.array([[(x, y + height / 2), (x + width / 2, y)]], np.float32)
    left, top = cv2.perspectiveTransform(edges, _straightening(hull))[0]
    return float(left[0]), float(top[1])


def _straightening(hull: np.ndarray) -> np.ndarray:
    """(3, 3) matrix that makes a table with four corners, as photographs show it, an upright rectangle."""
    x, y, width, height = cv2.boundingRect(hull)
    corners = cv2.approxPolyDP(hull, 0.05 * (width + height), True)[:, 0]
    if len(corners) != 4:
        return np.eye(3)
    middle = corners.mean(axis=0)
    order = np.argsort(np.arctan2(*(corners - middle).T[::-1]))
    target = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], np.float32)
    return cv2.getPerspectiveTransform(corners[order].astype(np.float32), target)


def _ranks(values: np.ndarray) -> list[int]:
    """Number values from 0; those that differ by less than half a line from the next are the same."""
    order = np.argsort(values)
    steps = np.diff(values[order]) > ROW_HEIGHT / 2
    ranks = np.empty(len(values), int)
    ranks[order] = np.concatenate([[0], np.cumsum(steps)])
    return ranks.tolist()


def _divide(
    lines: Sequence[TextLine], grid: _Grid, frame: _Frame
) -> tuple[dict[tuple[int, int], list[TextLine]] | None, list[TextLine]]:
    """Divide lines among the cells of a grid; returns those in it by row and column, and what is outside.

    None instead of the former where no row has text in two cells, or the words do not fit the cells.
    """
    inside: dict[tuple[int, int], list[TextLine]] = {}
    outside, astray, fitting = [], 0, 0
    for line in lines:
        by_cell: dict[int, list[Word]] = {}
        for word in parts(line):
            label = grid.cell(frame, word)
            by_cell.setdefault(label if label in grid.places else 0, []).append(word)
            y = frame.place(word.polygon)[:, 1].mean()
            astray += label not in grid.places and grid.top < y < grid.bottom
        for label, words in by_cell.items():
            part = part_of_line(line, words)
            if label:
                inside.setdefault(grid.places[label], []).append(part)
                fitting += len(words)
            else:
                outside.append(part)
    rows = [row for row, _ in inside]
    if len(set(rows)) == len(rows) or fitting < FITTING * (fitting + astray):
        return None, list(lines)
    return inside, outside


def _cell_text(lines: Sequence[TextLine]) -> str:
    rows = page_rows(lines)
    return "\n".join(" ".join(word.text for word in row.words) for row in rows)
