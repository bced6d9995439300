"""Division of the lines of a page into paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from ocr.types import Baseline, TextLine

GAP_STEPS = 1.5
"""Distance to the next line, in usual steps from line to line, above which a paragraph ends."""

NEIGHBOR_STEPS = 3
"""Number of steps before and after that define the usual step, as the line spacing may change along a page."""

GAP_HEIGHTS = 4.0
"""Distance in text heights above which two lines belong to different paragraphs, where there is no usual step."""

INDENT_STEPS = 0.8
"""Indent, in usual steps, of the first line of a paragraph whose second line starts at the margin."""


def paragraphs(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Divide lines, given in reading order, into paragraphs; none is empty, and the order is kept.

    A paragraph ends before a wider gap, before an indented line, and where the next line is higher or does not lie
    below. Steps are measured where two lines overlap along the line, so that paragraphs are found on slanted pages,
    in columns of different spacing, and on pages on their side or upside down.
    """
    turn = _upright([line.baseline for line in lines])
    rows = [_Row(line, turn) for line in lines]
    steps = [_step(above, below) for above, below in zip(rows, rows[1:], strict=False)]
    found: list[list[_Row]] = []
    for number, row in enumerate(rows):
        step = steps[number - 1] if number else None
        usual = _usual(steps, number - 1)
        following = rows[number + 1] if number + 1 < len(rows) and steps[number] is not None else None
        if step is None or _apart(step, row, usual) or _indented(row, found[-1], following, usual or step):
            found.append([])
        found[-1].append(row)
    return [[row.line for row in rows] for rows in found]


def _upright(baselines: Sequence[Baseline]) -> np.ndarray:
    """(2, 2) quarter turn of points (n, 2) from the right, after which most lines run to the right."""
    ways = [baseline[-1] - baseline[0] for baseline in baselines]
    quarters = [round(float(np.arctan2(y, x)) / (np.pi / 2)) % 4 for x, y in ways]
    # Of two equally common ways the first wins, which is level.
    quarter = int(np.bincount(quarters, minlength=4).argmax()) if quarters else 0
    return np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), quarter)


class _Row:
    """A line as a straight segment: from `left` to `right`, `height` tall, in pixels of the page after `turn`."""

    def __init__(self, line: TextLine, turn: np.ndarray) -> None:
        self.line = line
        outline = line.polygon @ turn
        (start_x, start_y), (end_x, end_y) = np.asarray(line.baseline, np.float64)[[0, -1]] @ turn
        self.left, self.right = float(outline[:, 0].min()), float(outline[:, 0].max())
        # A standing line has no slope worth extending.
        self.slope = (
            (end_y - start_y) / (end_x - start_x) if abs(end_x - start_x) > abs(end_y - start_y) else 0
        )
        self.middle = ((start_x + end_x) / 2, (start_y + end_y) / 2)
        slanted = outline[:, 1] - self.slope * outline[:, 0]
        self.height = float(np.ptp(slanted))

    def y(self, x: float) -> float:
        return self.middle[1] + self.slope * (x - self.middle[0])


def _step(above: _Row, below: _Row) -> float | None:
    """Measure how much lower `below` is than `above`; None where it does not lie below it."""
    left, right = max(above.left, below.left), min(above.right, below.right)
    if left >= right:
        return None
    step = below.y((left + right) / 2) - above.y((left + right) / 2)
    # Words of one line that were found apart are no rows of their own.
    return step if step > 0.3 * min(above.height, below.height) else None


def _usual(steps: list[float | None], index: int) -> float | None:
    """The median of the steps around one; None where there are none."""
    around = (
        steps[max(index - NEIGHBOR_STEPS, 0) : max(index, 0)] + steps[index + 1 : index + 1 + NEIGHBOR_STEPS]
    )
    downward = [step for step in around if step is not None]
    return median(downward) if downward else None


def _apart(step: float, row: _Row, usual: float | None) -> bool:
    return step > (GAP_HEIGHTS * row.height if usual is None else GAP_STEPS * usual)


def _indented(row: _Row, paragraph: list[_Row], following: _Row | None, usual: float) -> bool:
    # The first line may be indented itself.
    margin = median(line.left for line in paragraph[1:] or paragraph)
    if row.left - margin < INDENT_STEPS * usual:
        return False
    return following is None or following.left - margin < INDENT_STEPS * usual / 2
