"""Pieces of one row joined to a line: widely spaced words, the name and the price of a receipt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from ocr.geometry import clip_polygon, line_height, to_shapely
from ocr.geometry.order import reading_columns
from ocr.types import TextLine

WORD_GAP = 2.0
"""Gap in text heights that occurs between the words of any hand."""

WIDE_GAP = 25.0
"""Gap in text heights up to which pieces are joined where the rows of a column are broken again and again."""

MIN_BROKEN_ROWS = 2
"""Rows of a column with such a wide gap, and ..."""

MIN_BROKEN_SHARE = 0.4
"""... their share of all of its rows, from which the gaps belong to the writing."""

MAX_OFFSET = 0.45
"""Distance of one baseline from the other's continuation, in text heights, up to which they are one."""

MAX_PIECES = 1000
"""Pieces of a page beyond which they are the noise of a network that has not been trained."""

MAX_SLOPE = 0.4
"""Slope of a row up to which its pieces are looked for."""

MAX_HEIGHT_RATIO = 1.8
"""Ratio of heights up to which two pieces are of one row."""


def join_rows(
    lines: Sequence[TextLine], page_size: tuple[int, int], *, max_gap: float = WIDE_GAP
) -> list[TextLine]:
    """Join the pieces of each row across gaps that are plausible for the writing; columns stay apart.

    Pieces that have been recognized keep their words, and their texts are joined by a space.

    Args:
        lines: of a page, about level. page_size: (height, width).
        max_gap: text heights. Gaps wider than `WORD_GAP` are for recognized lines, as a recognizer may read
            something into a wide empty space.
    Returns:
        Lines in the given order, each row where its left piece was.
    """
    # Columns are costly to find, and most pages have whole lines.
    if len(lines) > MAX_PIECES or not any(pair[0] <= max_gap for pair in _pairs(lines)):
        return list(lines)
    rows = []
    for column in reading_columns(lines, page_size):
        chains = _chains([lines[i] for i in column], max_gap)
        rows += [[column[i] for i in chain] for chain in chains]
    return [_joined([lines[i] for i in row], page_size) for row in sorted(rows)]


def _chains(lines: list[TextLine], max_gap: float) -> list[list[int]]:
    """Rows of a column as indices of their pieces, from left to right."""
    pairs = [pair for pair in _pairs(lines) if pair[0] <= max_gap]
    wide = [pair for pair in pairs if pair[0] > WORD_GAP]
    rows = len(lines) - len(pairs)
    broken = len({left for _, left, _ in wide})
    is_spaced = broken >= MIN_BROKEN_ROWS and broken >= MIN_BROKEN_SHARE * rows
    follower = {left: right for gap, left, right in pairs if gap <= WORD_GAP or is_spaced}
    starts = [i for i in range(len(lines)) if i not in follower.values()]
    chains = []
    for start in starts:
        chain = [start]
        while chain[-1] in follower:
            chain.append(follower[chain[-1]])
        chains.append(chain)
    return chains


def _pairs(lines: list[TextLine]) -> list[tuple[float, int, int]]:
    """(gap in text heights, left, right) of pieces that follow each other in a row, each with one follower."""
    if len(lines) < 2:
        return []
    heights = np.array([_height(line) for line in lines])
    left = np.array([line.polygon[:, 0].min() for line in lines])
    starts = np.array([line.baseline[0] for line in lines])
    ends = np.array([line.baseline[-1] for line in lines])
    height = (heights[:, None] + heights) / 2
    gaps = (starts[None, :, 0] - ends[:, None, 0]) / height
    drop = np.abs(starts[None, :, 1] - ends[:, None, 1]) / height
    alike = np.maximum(heights[:, None], heights) <= MAX_HEIGHT_RATIO * np.minimum(heights[:, None], heights)
    near = alike & (gaps > -0.5) & (gaps < WIDE_GAP) & (left[:, None] < left)
    # Rows climb and fall, so the farther the next piece, the more it may lie above or below.
    near &= drop < MAX_OFFSET + MAX_SLOPE * np.maximum(gaps, 0)
    found = [
        (float(gaps[i, j]), int(i), int(j))
        for i, j in np.argwhere(near)
        if _offset(lines[i], lines[j]) < MAX_OFFSET * height[i, j]
    ]
    # The nearest follower of a piece has it, and of several pieces that one follows, the nearest.
    followers: dict[int, tuple[float, int, int]] = {}
    for pair in sorted(found, reverse=True):
        followers[pair[1]] = pair
    nearest: dict[int, tuple[float, int, int]] = {}
    for pair in sorted(followers.values(), reverse=True):
        nearest[pair[2]] = pair
    return list(nearest.values())


def _height(line: TextLine) -> float:
    return max(line_height(line), 1.0)


def _offset(left: TextLine, right: TextLine) -> float:
    """Smaller distance of a baseline's end from the straight continuation of the other one, in pixels."""
    end, start = left.baseline[-1], right.baseline[0]
    return min(abs(_level(left, start[0]) - start[1]), abs(_level(right, end[0]) - end[1]))


def _level(line: TextLine, x: float) -> float:
    (x0, y0), (x1, y1) = line.baseline[0], line.baseline[-1]
    # A short piece has no direction of its own.
    if x1 - x0 < 3 * _height(line):
        return float(line.baseline[:, 1].mean())
    return float(y0 + (y1 - y0) / (x1 - x0) * (x - x0))


def _joined(pieces: list[TextLine], page_size: tuple[int, int]) -> TextLine:
    if len(pieces) == 1:
        return pieces[0]
    shapes = [to_shapely(piece.polygon) for piece in pieces]
    for left, right in zip(pieces, pieces[1:], strict=False):
        reach = (_height(left) + _height(right)) / 4
        ends = [
            left.polygon[left.polygon[:, 0] > left.polygon[:, 0].max() - reach],
            right.polygon[right.polygon[:, 0] < right.polygon[:, 0].min() + reach],
        ]
        shapes.append(shapely.MultiPoint(np.concatenate(ends)).convex_hull)
    outline = shapely.union_all(shapes)
    if outline.geom_type != "Polygon":
        outline = outline.convex_hull
    polygon = clip_polygon(np.asarray(outline.exterior.coords)[:-1], *page_size)
    lengths = [max(float(np.ptp(piece.baseline[:, 0])), 1.0) for piece in pieces]
    return TextLine(
        polygon=polygon,
        baseline=np.concatenate([piece.baseline for piece in pieces]),
        text=" ".join(piece.text for piece in pieces if piece.text),
        confidence=_mean([piece.confidence for piece in pieces], [len(piece.text) for piece in pieces]),
        words=[word for piece in pieces for word in piece.words],
        detection_score=_mean([piece.detection_score for piece in pieces], lengths),
        script_score=_mean([piece.script_score for piece in pieces], [len(piece.text) for piece in pieces]),
    )


def _mean(values: list[float], weights: list[float]) -> float:
    return float(np.average(values, weights=weights)) if any(weights) else float(np.mean(values))
