"""Lines of one page that were found at several scales: which of them a coarser or a finer look adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from ocr.geometry import bounding_box, line_height, to_shapely
from ocr.types import TextLine

MAX_COVERED = 0.5
"""Share of a line up to which other lines may cover it for it to be new."""

MEMBER_SHARE = 0.5
"""Share of a line that must lie inside another one to be a fragment of it."""

ROW_ASPECT = 4.0
"""Lengths of a fragment in text heights from which it is a line of its own, as a large letter gives none so long."""


CONTAINED_SHARE = 0.75
"""Share of a line that lies in another one, from which it is a part of that one ..."""

CONTAINED_LENGTH = 1.5
"""... which is this many times as long."""

WORD_SCORE = 0.7
"""Detection score from which a fragment is a word; strokes of large letters have less."""

WORDS_SHARE = 0.2
"""Share of a line's length that small words in it take up where it is not large writing, but a row of them."""

LOW_SCORE = 0.8
"""Detection score below which a line may be several small ones; lines of ordinary writing have 0.85 and more."""

SMALL_HEIGHT = 26.0
"""Height in input pixels below which a line is small print."""

TINY_HEIGHT = 15.0
"""Height in input pixels below which lines must be looked at again, however few they are."""

MIN_LINES = 5
"""Doubtful lines in one place from which it is looked at again; fewer are insertions, dates or stains."""

MAX_SCORE = 0.75
"""Mean detection score of such a place above which nothing is gained."""

MIN_GAIN = 0.03
"""Gain of the mean detection score from which the lines of a closer look are taken."""

MIN_OVERLAP = 0.3
"""Share of the smaller of two lines that they must have in common to be at the same place."""


@dataclass(frozen=True)
class Region:
    """A part of a page, in pixels, with the doubtful `lines` in it, which are `height` pixels high at the median."""

    left: int
    top: int
    right: int
    bottom: int
    lines: list[TextLine]
    height: float


def add_large(lines: Sequence[TextLine], coarse: Sequence[TextLine], *, min_height: float) -> list[TextLine]:
    """Add large writing, which only a coarse look shows whole, and drop the fragments of it that were found before.

    Args:
        lines: found at the usual scale. coarse: found at a coarser one. min_height: page pixels from which a coarse
            line counts; what is lower looks there like several lines in one.
    """
    large = [line for line in coarse if line_height(line) >= min_height]
    if not large:
        return list(lines)
    shapes = [to_shapely(line.polygon) for line in lines]
    tree = STRtree(shapes)
    fragments: set[int] = set()
    new = []
    for line in large:
        shape = to_shapely(line.polygon)
        touched = [int(i) for i in tree.query(shape)]
        inside = [i for i in touched if _covered(shapes[i], [shape]) > MEMBER_SHARE]
        pieces = [lines[i] for i in inside]
        is_known = _covered(shape, [shapes[i] for i in touched]) > MAX_COVERED
        if _is_small_writing(pieces, line) or (is_known and line.detection_score <= mean_score(pieces)):
            continue
        new.append(line)
        fragments.update(inside)
    return [line for i, line in enumerate(lines) if i not in fragments] + new


def drop_contained(lines: Sequence[TextLine]) -> list[TextLine]:
    """Drop lines that lie within a longer one, such as a tall initial that was found again by itself."""
    shapes = [to_shapely(line.polygon) for line in lines]
    tree = STRtree(shapes)
    kept = []
    for number, line in enumerate(lines):
        longer = [
            shapes[i]
            for i in tree.query(shapes[number])
            if _length(lines[i]) > CONTAINED_LENGTH * _length(line)
        ]
        if not any(_covered(shapes[number], [shape]) > CONTAINED_SHARE for shape in longer):
            kept.append(line)
    return kept


def small_regions(lines: Sequence[TextLine], scale: float, size: tuple[int, int]) -> list[Region]:
    """Find the places of small print, which a look at `scale` has shown badly, on a page of `size` (height, width).

    Doubtful lines closer than their height belong together.
    """
    heights = {id(line): line_height(line) for line in lines}
    doubtful = [
        line for line in lines if heights[id(line)] * scale < SMALL_HEIGHT or line.detection_score < LOW_SCORE
    ]
    regions = []
    for group in _clusters(doubtful, [heights[id(line)] for line in doubtful]):
        height = float(np.median([heights[id(line)] for line in group]))
        is_tiny = height * scale < TINY_HEIGHT
        if not is_tiny and (len(group) < MIN_LINES or mean_score(group) > MAX_SCORE):
            continue
        left, top, right, bottom = bounding_box(np.concatenate([line.polygon for line in group]))
        regions.append(
            Region(
                max(int(left - height), 0),
                max(int(top - height), 0),
                min(int(right + height) + 1, size[1]),
                min(int(bottom + height) + 1, size[0]),
                group,
                height,
            )
        )
    return regions


def mean_score(lines: Sequence[TextLine]) -> float:
    """Mean detection score of lines, by their length; 0 without lines."""
    if not lines:
        return 0.0
    lengths = [max(_length(line), 1.0) for line in lines]
    return float(np.average([line.detection_score for line in lines], weights=lengths))


def replace_small(lines: Sequence[TextLine], region: Region, closer: Sequence[TextLine]) -> list[TextLine]:
    """Replace doubtful lines of a region by those of a closer look at the same place, where these are better.

    Args:
        lines: all of a page. closer: what was found in the region, in page pixels.
    """
    again = {id(line) for line in region.lines}
    # The surroundings of small lines are seen as well, where the lines found before stay.
    seen = [to_shapely(line.polygon) for line in lines if id(line) not in again]
    new = [line for line in closer if _covered(to_shapely(line.polygon), seen) < MAX_COVERED]
    gone, added = set(), []
    for before, after in _places(region.lines, new):
        # What only the closer look shows are strokes of larger writing as often as lines.
        if before and after and mean_score(after) >= max(mean_score(before) + MIN_GAIN, WORD_SCORE):
            gone.update(id(line) for line in before)
            added += after
    return [line for line in lines if id(line) not in gone] + added


def _places(
    before: Sequence[TextLine], after: Sequence[TextLine]
) -> list[tuple[list[TextLine], list[TextLine]]]:
    """Group the lines of two looks by place: those of a group overlap each other, and none of another group."""
    shapes = [to_shapely(line.polygon) for line in (*before, *after)]
    if not shapes:
        return []
    tree = STRtree(shapes)
    pairs = [
        (i, int(j))
        for i, shape in enumerate(shapes)
        for j in tree.query(shape)
        if (i < len(before)) != (j < len(before)) and _overlap(shape, shapes[j]) > MIN_OVERLAP
    ]
    touch = np.zeros((len(shapes), len(shapes)), bool)
    touch[tuple(np.array(pairs, int).reshape(-1, 2).T)] = True
    _, labels = connected_components(touch, directed=False)
    places = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places.append(
            (
                [before[i] for i in members if i < len(before)],
                [after[i - len(before)] for i in members if i >= len(before)],
            )
        )
    return places


def _clusters(lines: Sequence[TextLine], margins: Sequence[float]) -> list[list[TextLine]]:
    """Group lines whose boxes, with their margins, touch each other."""
    if not lines:
        return []
    boxes = np.array([bounding_box(line.polygon) for line in lines])
    boxes += np.array(margins)[:, None] * np.array([-1, -1, 1, 1])
    touch = (boxes[:, None, :2] < boxes[None, :, 2:]).all(-1)
    _, labels = connected_components(touch & touch.T, directed=False)
    return [[lines[i] for i in np.flatnonzero(labels == label)] for label in np.unique(labels)]


def _is_small_writing(pieces: Sequence[TextLine], line: TextLine) -> bool:
    """Return True where pieces are words of a row, or a line, that a coarse look has taken for a large line."""
    height = line_height(line)
    words = [
        piece for piece in pieces if piece.detection_score >= WORD_SCORE and line_height(piece) < 0.6 * height
    ]
    if any(_length(word) > ROW_ASPECT * line_height(word) for word in words):
        return True
    return sum(_length(word) for word in words) > WORDS_SHARE * _length(line)


def _length(line: TextLine) -> float:
    return float(np.ptp(line.baseline, axis=0).max())


def _covered(shape: BaseGeometry, others: Sequence[BaseGeometry]) -> float:
    """Return the share of a shape that others cover, which hardly overlap each other."""
    if not others or shape.area == 0:
        return 0.0
    return sum(shape.intersection(other).area for other in others) / shape.area


def _overlap(shape: BaseGeometry, other: BaseGeometry) -> float:
    """Return the area that two shapes share, relative to the smaller one."""
    smaller = min(shape.area, other.area)
    return shape.intersection(other).area / smaller if smaller else 0.0
