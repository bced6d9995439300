"""Rows of a page: lines and words that stand on one level, as in tables, forms and receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ocr.types import TextLine, Word

SAME_LEVEL = 0.5
"""Distance of the baselines of two lines where they face each other, in heights, below which they are one row."""

WIDE_GAP = 1.5
"""Distance between words, in heights of their line, from which they are apart in a row."""


@dataclass(frozen=True)
class PlacedWord:
    """A word on a level page: `left` and `right` in pixels along the lines."""

    text: str
    left: float
    right: float


@dataclass(frozen=True)
class PageRow:
    """Words on one level, from left to right, in pieces with wide gaps between; `level` in pixels down the page."""

    pieces: list[list[PlacedWord]]
    level: float
    height: float

    @property
    def words(self) -> list[PlacedWord]:
        """All words of the row."""
        return [word for piece in self.pieces for word in piece]


class _LevelSegment:
    """A line after the slant of the page was removed: from (left, start) to (right, end), `height` tall."""

    def __init__(self, line: TextLine, turn: np.ndarray) -> None:
        path = np.asarray(line.baseline, np.float64) @ turn
        outline = np.asarray(line.polygon, np.float64) @ turn
        self.left, self.right = float(outline[:, 0].min()), float(outline[:, 0].max())
        self.start, self.end = float(path[0, 1]), float(path[-1, 1])
        slope = (self.end - self.start) / max(path[-1, 0] - path[0, 0], 1e-6)
        self.height = max(float(np.ptp(outline[:, 1] - slope * outline[:, 0])), 1.0)
        self.words = _words(line, turn)

    def level(self, x: float) -> float:
        """Return the level of the baseline at `x`, constant beyond its ends."""
        share = (x - self.left) / max(self.right - self.left, 1e-6)
        return self.start + (self.end - self.start) * min(max(share, 0.0), 1.0)

    def faces(self, other: _LevelSegment) -> bool:
        """Return True where two lines stand beside each other on one level."""
        between = (max(self.left, other.left) + min(self.right, other.right)) / 2
        overlap = min(self.right, other.right) - max(self.left, other.left)
        narrow = min(self.right - self.left, other.right - other.left)
        apart = abs(self.level(between) - other.level(between))
        return overlap < 0.3 * narrow and apart < SAME_LEVEL * min(self.height, other.height)


def page_rows(lines: Sequence[TextLine], turn: np.ndarray | None = None) -> list[PageRow]:
    """Arrange the words of lines in rows, from top to bottom; lines without text are left out.

    Pages may be slanted or turned by quarters. Words without places of their own are one with their line.

    Args:
        turn: as returned by `level_frame`, for all text of the page where these are some of its lines.
    """
    read = [line for line in lines if line.text]
    if not read:
        return []
    turn = level_frame(read) if turn is None else turn
    groups: list[list[_LevelSegment]] = []
    for segment in sorted(
        (_LevelSegment(line, turn) for line in read), key=lambda item: item.start + item.end
    ):
        # The last ones are the lowest: a row that is far above has no chance.
        for group in reversed(groups[-20:]):
            beside = min(
                group, key=lambda other: max(other.left, segment.left) - min(other.right, segment.right)
            )
            if beside.faces(segment) and not any(_overlap(other, segment) for other in group):
                group.append(segment)
                break
        else:
            groups.append([segment])
    return sorted(map(_row_of, groups), key=lambda row: row.level)


def _overlap(one: _LevelSegment, other: _LevelSegment) -> bool:
    overlap = min(one.right, other.right) - max(one.left, other.left)
    return overlap >= 0.3 * min(one.right - one.left, other.right - other.left)


def _row_of(group: Sequence[_LevelSegment]) -> PageRow:
    height = float(np.median([segment.height for segment in group]))
    words = sorted((word for segment in group for word in segment.words), key=lambda word: word.left)
    pieces: list[list[PlacedWord]] = []
    for word in words:
        if not pieces or word.left - pieces[-1][-1].right > WIDE_GAP * height:
            pieces.append([])
        pieces[-1].append(word)
    level = float(np.mean([(segment.start + segment.end) / 2 for segment in group]))
    return PageRow(pieces, level, height)


def _words(line: TextLine, turn: np.ndarray) -> list[PlacedWord]:
    texts = line.text.split()
    if [word.text for word in line.words] != texts:
        x = np.asarray(line.polygon, np.float64) @ turn[:, 0]
        return [PlacedWord(" ".join(texts), float(x.min()), float(x.max()))]
    ends = [np.asarray(word.polygon, np.float64) @ turn[:, 0] for word in line.words]
    return [PlacedWord(text, float(x.min()), float(x.max())) for text, x in zip(texts, ends, strict=True)]


def median_height(lines: Sequence[TextLine], turn: np.ndarray) -> float:
    """Compute the median height in pixels of lines, at least one, in their `level_frame`."""
    return float(np.median([_LevelSegment(line, turn).height for line in lines]))


def part_of_line(line: TextLine, words: Sequence[Word]) -> TextLine:
    """Return a part of a line: some of its words, in their order, as a line of its own."""
    text = " ".join(word.text for word in words)
    if text == line.text:
        return line
    polygon = np.concatenate([np.asarray(word.polygon, np.float32).reshape(-1, 2) for word in words])
    start, end = (np.asarray(line.baseline[index], np.float64) for index in (0, -1))
    way = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
    along = (polygon - start) @ way
    baseline = start + np.outer([along.min(), along.max()], way)
    return replace(line, polygon=polygon, baseline=baseline.astype(np.float32), text=text, words=list(words))


def level_frame(lines: Sequence[TextLine]) -> np.ndarray:
    """(2, 2) matrix by which points (n, 2) are multiplied from the right, so that most of the text becomes level."""
    ways = np.array([np.asarray(line.baseline[-1], np.float64) - line.baseline[0] for line in lines])
    angles, lengths = np.arctan2(ways[:, 1], ways[:, 0]), np.hypot(ways[:, 0], ways[:, 1])
    quarters = np.round(angles / (np.pi / 2)).astype(int) % 4
    quarter = int(np.bincount(quarters, weights=lengths + 1e-6, minlength=4).argmax())
    chosen = quarters == quarter
    # Longer lines tell the slant more exactly.
    order = np.argsort(angles[chosen] - angles[chosen][0])
    share = np.cumsum(lengths[chosen][order] + 1e-6)
    angle = angles[chosen][order][np.searchsorted(share, share[-1] / 2)]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
