"""What looks at other scales add to the lines of a page."""

import numpy as np
import pytest

from ocr.inference.looks import add_large, drop_contained, replace_small, small_regions
from ocr.types import TextLine


def line(left, top, right, bottom, score: float = 0.85) -> TextLine:
    outline = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    base = top + 0.7 * (bottom - top)
    return TextLine(outline, np.array([(left, base), (right, base)], np.float32), detection_score=score)


TEXT = [line(100, 400 + 60 * i, 700, 430 + 60 * i) for i in range(6)]
HEADING = line(100, 100, 700, 300)


@pytest.mark.parametrize(
    ("found", "coarse", "added", "lost", "reason"),
    [
        (TEXT, [HEADING], 1, 0, "a heading that was not seen"),
        ([*TEXT, line(300, 150, 360, 250, 0.6)], [HEADING], 1, 1, "a stroke of it was taken for a line"),
        ([*TEXT, line(200, 110, 700, 290, 0.6)], [HEADING], 1, 1, "it was seen in part, and doubtful"),
        ([*TEXT, line(100, 110, 700, 290, 0.9)], [HEADING], 0, 0, "it was seen as well"),
        (TEXT, [line(100, 390, 700, 500)], 0, 0, "two rows in one"),
        (TEXT, [line(80, 380, 720, 440)], 0, 0, "as low as ordinary lines"),
        (
            [line(100 + 150 * i, 180, 160 + 150 * i, 210) for i in range(4)],
            [HEADING],
            0,
            0,
            "words far apart",
        ),
        (TEXT, [], 0, 0, "no large writing"),
        ([], [HEADING], 1, 0, "nothing else"),
    ],
)
def test_large_writing_is_added(found, coarse, added, lost, reason):
    lines = add_large(found, coarse, min_height=80)
    assert sum(any(one is large for large in coarse) for one in lines) == added, reason
    assert len(lines) == len(found) + added - lost, reason


SMALL = [line(100, 100 + 14 * i, 220, 112 + 14 * i, 0.7) for i in range(6)]


def test_small_print_is_one_region_and_the_rest_of_the_page_none():
    (region,) = small_regions([*TEXT, *SMALL], 1.0, (1000, 800))
    assert len(region.lines) == 6 and region.height == pytest.approx(12)
    assert region.left < 100 and region.right > 220 and region.top < 100 and 184 < region.bottom < 220
    assert small_regions(TEXT, 1.0, (1000, 800)) == []
    assert small_regions([*TEXT, line(100, 100, 220, 130, 0.7)], 1.0, (1000, 800)) == [], "one doubtful line"


@pytest.mark.parametrize(
    ("score", "count", "reason"), [(0.85, 12, "surer: they count"), (0.71, 6, "hardly surer: all stays")]
)
def test_a_closer_look_replaces_small_print_where_it_is_surer(score, count, reason):
    (region,) = small_regions([*TEXT, *SMALL], 1.0, (1000, 800))
    closer = [line(x, 100 + 14 * i, x + 55, 112 + 14 * i, score) for i in range(6) for x in (100, 165)]
    lines = replace_small([*TEXT, *SMALL], region, [*closer, line(100, 402, 700, 428, score)])
    assert len(lines) == 6 + count, reason
    assert all(any(one is kept for one in lines) for kept in TEXT), "lines around it stay"


def test_places_of_a_region_are_replaced_one_by_one():
    """Writing across small print, which a closer look tears apart, no longer keeps the print from being found."""
    (region,) = small_regions([*TEXT, *SMALL, line(100, 190, 700, 210, 0.6)], 1.0, (1000, 800))
    better = [line(100, 100 + 14 * i, 220, 112 + 14 * i, 0.8) for i in range(6)]
    torn = [line(100 + 40 * i, 190, 130 + 40 * i, 210, 0.5) for i in range(15)]
    stray = line(500, 300, 560, 320, 0.95)
    lines = replace_small([*TEXT, *region.lines], region, [*better, *torn, stray])
    assert all(any(one is new for one in lines) for new in better)
    assert not any(one is piece for one in lines for piece in [*torn, stray]), (
        "worse, or nothing was there before"
    )


def test_a_part_of_a_line_that_was_found_again_is_dropped():
    initial, insertion, above = line(100, 395, 130, 432), line(300, 380, 400, 405), line(100, 330, 200, 360)
    kept = drop_contained([*TEXT, initial, insertion, above])
    assert len(kept) == len(TEXT) + 2 and not any(one is initial for one in kept)
    assert len(drop_contained(TEXT[:1] * 2)) == 2, "neither is a part of the other"
