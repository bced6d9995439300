"""Heat maps of pages whose answer is known."""

import numpy as np
import pytest

from ocr.detection.characters import draw_characters
from ocr.detection.profile import LineProfile
from ocr.detection.targets import draw_lines, line_weight
from ocr.errors import DataError
from ocr.geometry import CoordinateMap


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def profile(left=40, right=360, base=100, ascent=40, descent=16) -> LineProfile:
    return LineProfile.of(
        box(left, base - ascent, right, base + descent), np.array([[left, base], [right, base]], np.float32)
    )


def test_profile_measures_a_straight_line():
    line = profile()
    assert np.allclose(line.ascent, 40, atol=0.01) and np.allclose(line.descent, 16, atol=0.01)
    assert np.allclose(line.points[[0, -1], 0], [40, 360], atol=14) and np.allclose(line.points[:, 1], 100)


def test_profile_follows_a_turn():
    to = CoordinateMap.rotate((200, 400), 30).matrix * 2
    to[2] = (0, 0, 1)
    line = profile().mapped(CoordinateMap(to), 2.0)
    assert np.allclose(line.ascent, 80, atol=0.02)
    direction = np.diff(line.points, axis=0)
    assert np.allclose(np.arctan2(direction[:, 1], direction[:, 0]), np.deg2rad(30), atol=1e-3)
    assert np.allclose((direction * line.normals[1:]).sum(1), 0, atol=1e-3)


def test_core_and_extent_of_a_straight_line():
    core, extent = draw_lines([profile()], (50, 100), stride=4)
    # The core reaches from 100 - 0.5 * 40 to 100 + 0.05 * 40 = pixels 80 to 102, rows 20 to 25.5.
    assert np.allclose(core[:, 50], [0] * 20 + [1] * 5 + [0.5] + [0] * 24, atol=0.02)
    # It starts and ends a quarter of the ascent inside 40 to 360, give or take the spacing of samples.
    inside = np.flatnonzero(core[22] > 0.5) * 4
    assert abs(inside[0] - 50) <= 8 and abs(inside[-1] + 4 - 350) <= 8
    # Row 22 has its centre at y = 90; the outline at 60 and 116.
    assert np.allclose(extent[:, 22, 50], [30, 26], atol=0.05)


def test_lines_that_touch_are_kept_apart():
    lines = [profile(base=100), profile(base=118)]
    core, _ = draw_lines(lines, (50, 100), stride=4)
    column = core[:, 50] > 0
    assert (np.diff(np.flatnonzero(column)) > 1).sum() == 1, "exactly one gap between two cores"


@pytest.mark.parametrize(
    ("complete", "expected", "reason"),
    [
        (True, {(5, 5): 1, (22, 50): 1, (40, 20): 0}, "all but ignored areas are known"),
        (
            False,
            {(5, 5): 0, (22, 50): 1, (31, 50): 1, (40, 20): 0},
            "only lines and a rim around them are known",
        ),
    ],
)
def test_weight_says_what_is_known(complete, expected, reason):
    outline, stamp = box(40, 60, 360, 116), box(60, 150, 120, 180)
    weight = line_weight([outline], [stamp], (50, 100), 4, complete=complete, ring=12)
    assert {cell: weight[cell] for cell in expected} == expected, reason


def test_heat_of_characters_and_of_gaps_between_them():
    word = [box(40, 40, 72, 80), box(72, 40, 104, 80)]
    region, affinity = draw_characters([word, [box(200, 40, 232, 80)]], (40, 80), stride=4)
    # Centres at x = 56, 88 and 216, y = 60, between cells (14.5, 13.5) ...
    for column in (14, 22, 54):
        assert region[14, column - 1] == pytest.approx(region[14, column], abs=1e-5)
        assert region[14:16, column - 1 : column + 1].max() > 0.9
    assert region[14, 18] < 0.25, "heat falls off towards a character's edge"
    # ... and one gap inside a word, none between words.
    assert affinity[14:16, 17:19].max() > 0.9
    assert affinity[:, 40:].max() == 0


def test_no_characters_no_heat():
    region, affinity = draw_characters([], (8, 8), stride=4)
    assert not region.any() and not affinity.any()


def test_a_baseline_without_direction_is_refused():
    with pytest.raises(DataError):
        LineProfile.of(box(0, -8, 50, 4), np.array([(5, 5), (5, 5)], np.float32))
