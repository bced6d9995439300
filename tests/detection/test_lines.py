"""From drawn, perfect maps back to the lines they were drawn from."""

import numpy as np
import pytest

from ocr.detection.lines import find_lines
from ocr.detection.profile import LineProfile
from ocr.detection.settings import DetectionSettings
from ocr.detection.targets import draw_lines
from ocr.geometry import line_polygon_from_baseline, polygon_iou

OPTIONS = {"stride": 4, "settings": DetectionSettings()}
SIZE = (150, 200)


def line(points, ascent=24, descent=10):
    baseline = np.array(points, np.float32)
    return line_polygon_from_baseline(baseline, ascent, descent), baseline


def draw(lines):
    return draw_lines([LineProfile.of(*item) for item in lines], SIZE, 4)


ARC = [(x, 300 - 40 * np.sin((x - 60) / 680 * np.pi)) for x in range(60, 741, 20)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([line([(60, 200), (700, 200)])], "a level line"),
        ([line([(60, 100), (700, 160)])], "a climbing line"),
        ([line([(200, 100), (500, 500)])], "a steep note in the margin"),
        ([line([(400, 80), (400, 520)])], "upright text"),
        ([line(ARC)], "a bent line"),
        ([line([(60, 40 + 36 * i), (700, 40 + 36 * i)]) for i in range(14)], "a dense page"),
        ([line([(60, 200), (370, 200)]), line([(410, 200), (740, 200)])], "two columns"),
        ([line([(60, 200), (110, 200)])], "a single word"),
        (
            [line([(60, 200), (700, 200)], 60, 24), line([(60, 300), (700, 300)], 16, 6)],
            "a heading and small text",
        ),
    ],
)
def test_perfect_maps_give_the_lines_back(lines, reason):
    core, extent = draw(lines)
    found = find_lines(core, extent, **OPTIONS)
    assert len(found) == len(lines), reason
    for polygon, baseline in lines:
        best = max(found, key=lambda item: polygon_iou(item.polygon, polygon))
        assert polygon_iou(best.polygon, polygon) > 0.85, reason
        assert best.detection_score > 0.8
        # Both baselines stay together along their length.
        distance = np.abs(best.baseline[:, None] - _dense(baseline)[None]).sum(-1).min(1)
        assert np.median(distance) < 4, reason


def _dense(points):
    steps = np.linspace(0, len(points) - 1, 400)
    return np.column_stack([np.interp(steps, np.arange(len(points)), points[:, k]) for k in (0, 1)])


def test_a_broken_line_is_joined_and_columns_are_not():
    core, extent = draw([line([(60, 200), (700, 200)])])
    core[:, 90:94] = 0
    assert len(find_lines(core, extent, **OPTIONS)) == 1
    core[:, 90:110] = 0
    assert len(find_lines(core, extent, **OPTIONS)) == 2


@pytest.mark.parametrize(
    ("cut", "count", "reason"),
    [
        ([2], 5, "lines above and below run on across a wide gap between words"),
        ([2, 3], 5, "also where two lines in a row have one"),
        ([4], 5, "and at the end of a text, where there is none below"),
        ([0, 1, 2, 3, 4], 10, "nobody runs on across the gap of columns"),
        ([1, 2, 3, 4], 9, "a heading alone does not bridge them"),
    ],
)
def test_a_wide_gap_is_joined_unless_it_divides_columns(cut, count, reason):
    core, extent = draw([line([(60, 100 + 60 * i), (700, 100 + 60 * i)]) for i in range(5)])
    for row in cut:
        core[(60 + 60 * row) // 4 : (115 + 60 * row) // 4, 90:107] = 0
    assert len(find_lines(core, extent, **OPTIONS)) == count, reason


def test_two_lines_that_run_together_are_split():
    lines = [line([(60, 200), (700, 200)]), line([(60, 236), (700, 236)])]
    core, extent = draw(lines)
    gap = slice(np.flatnonzero(core[:, 100])[0], np.flatnonzero(core[:, 100])[-1])
    bridge = core[gap, 80:84]
    bridge[bridge < 0.6] = 0.6
    middle = core[:, 80] == np.float32(0.6)
    extent[0][middle, 80:84], extent[1][middle, 80:84] = 20, 14
    found = find_lines(core, extent, **OPTIONS)
    assert len(found) == 2
    for polygon, _ in lines:
        assert max(polygon_iou(item.polygon, polygon) for item in found) > 0.8


@pytest.mark.parametrize(
    ("options", "count", "reason"),
    [
        ({}, 1, "a speck of the page's text size is dropped"),
        ({"size_threshold": 0.0}, 2, "unless everything is asked for"),
        ({"size_threshold": 1000.0}, 0, "lines shorter than asked for are dropped"),
        ({"text_threshold": 1.0}, 0, "lines less sure than asked for are dropped"),
    ],
)
def test_what_is_dropped(options, count, reason):
    core, extent = draw([line([(60, 200), (700, 200)])])
    core *= 0.95
    core[100, 100] = 0.9
    extent[:, 100, 100] = 12
    assert len(find_lines(core, extent, stride=4, settings=DetectionSettings(**options))) == count, reason


def test_a_blank_page_has_no_lines():
    assert find_lines(np.zeros(SIZE, np.float32), np.zeros((2, *SIZE), np.float32), **OPTIONS) == []


def test_without_extents_height_is_guessed_from_the_core():
    polygon, baseline = line([(60, 200), (700, 200)])
    core, _ = draw([(polygon, baseline)])
    (found,) = find_lines(core, None, **OPTIONS)
    assert polygon_iou(found.polygon, polygon) > 0.7
