"""Paragraphs are told by gaps, indents and jumps, whatever the slant of the page."""

import numpy as np
import pytest

from ocr.geometry import paragraphs
from ocr.types import TextLine


def line(left: float, y: float, right: float, *, height: float = 30) -> TextLine:
    corners = np.array(
        [
            (left, y - 0.7 * height),
            (right, y - 0.7 * height),
            (right, y + 0.3 * height),
            (left, y + 0.3 * height),
        ]
    )
    baseline = np.array([(left, y), (right, y)], np.float32)
    return TextLine(corners.astype(np.float32), baseline, text=f"{left:.0f},{y:.0f}")


def turned(lines: list[TextLine], degrees: float) -> list[TextLine]:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cos, sin], [-sin, cos]], np.float32)
    return [TextLine(item.polygon @ turn, item.baseline @ turn, item.text) for item in lines]


@pytest.mark.parametrize("degrees", [0, 4, -7, 90, 173, -94])
@pytest.mark.parametrize(
    ("places", "sizes", "reason"),
    [
        ([], [], "an empty page"),
        ([(0, 0, 900)], [1], "a single line"),
        ([(0, 0, 900), (0, 50, 900)], [2], "two lines at a usual distance"),
        ([(0, 0, 900), (0, 200, 900)], [1, 1], "two lines far apart"),
        ([(0, y, 900) for y in (0, 50, 100, 150)], [4], "even steps"),
        ([(0, y, 900) for y in (0, 50, 100, 190, 240)], [3, 2], "a wider gap"),
        ([(0, y, 900) for y in (0, 90, 170, 240, 300, 350, 395)], [7], "a hand that grows narrower"),
        ([(0, y, 900) for y in (0, 90, 170, 240, 300, 410, 460)], [5, 2], "the same, with a gap"),
        ([(60, 0, 900), (0, 50, 900), (0, 100, 400), (60, 150, 900), (0, 200, 900)], [3, 2], "an indent"),
        ([(0, 0, 900), (0, 50, 900), (60, 100, 900), (60, 150, 900), (60, 200, 900)], [5], "a new margin"),
        ([(0, 0, 900), (15, 50, 900), (0, 100, 900), (20, 150, 880)], [4], "a ragged margin"),
        ([(0, 0, 400), (0, 50, 400), (500, 0, 900), (500, 50, 900)], [2, 2], "columns"),
        ([(0, 0, 900), (0, 50, 900), (500, 100, 900)], [2, 1], "a signature"),
        ([(600, 0, 900), (0, 50, 500), (0, 100, 900)], [1, 2], "a date beside the first line"),
    ],
)
def test_paragraphs(places, sizes, reason, degrees):
    lines = turned([line(*place) for place in places], degrees)
    found = paragraphs(lines)
    assert [len(group) for group in found] == sizes, reason
    assert [item for group in found for item in group] == lines, "order stays, nothing is lost"


def test_a_standing_line_is_a_line():
    tall = TextLine(
        np.array([(0, 0), (30, 0), (30, 900), (0, 900)], np.float32),
        np.array([(10, 900), (10, 0)], np.float32),
    )
    assert [len(group) for group in paragraphs([tall, line(100, 50, 900), line(100, 100, 900)])] == [1, 2]
