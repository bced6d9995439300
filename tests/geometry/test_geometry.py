"""Coordinate maps round-trip, rectangles keep their orientation, lines come out straight."""

import cv2
import numpy as np
import pytest

from ocr.errors import ConfigError, DataError
from ocr.geometry import (
    CoordinateMap,
    RotatedRect,
    baseline_from_polygon,
    clip_polygon,
    line_polygon_from_baseline,
    min_area_rect,
    polygon_area,
    polygon_iou,
    reading_order,
    rectify_line,
)
from ocr.types import TextLine

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)


@pytest.mark.parametrize(
    ("angle", "size", "reason"),
    [
        (0, (20, 100), "level line"),
        (12.5, (20, 100), "slopes down"),
        (-30, (20, 100), "slopes up"),
        (89.5, (10, 90), "nearly upright"),
        (90, (10, 90), "reads downwards, not upwards"),
        (-60, (5, 300), "steep and thin"),
    ],
)
def test_rotated_rect_round_trip(angle, size, reason):
    rect = RotatedRect((500.0, 400.0), size, angle)
    back = min_area_rect(rect.polygon())
    assert back.angle == pytest.approx(angle, abs=0.1), reason
    assert back.size == pytest.approx(size, abs=0.05)
    assert back.center == pytest.approx(rect.center, abs=0.01)
    # Corner order is the reading frame's, so cropping by the polygon never mirrors the text.
    np.testing.assert_allclose(back.polygon(), rect.polygon(), atol=0.3)


@pytest.mark.parametrize("angle", [-40, -3, 0, 3, 40])
def test_near_square_stays_upright(angle):
    assert abs(min_area_rect(RotatedRect((50, 50), (20, 21), angle).polygon()).angle) <= 45


MAPS = [
    (CoordinateMap.resize((300, 200), (640, 100)), "anisotropic"),
    (CoordinateMap.crop(15, -7.5), "crop and pad"),
    (CoordinateMap.rotate90((300, 200), 1), "quarter turn"),
    (CoordinateMap.rotate90((300, 200), -1), "quarter turn back"),
    (CoordinateMap.rotate((300, 200), 17.3), "any angle"),
    (CoordinateMap.from_points(SQUARE, SQUARE + [[0, 1], [2, 0], [-1, 3], [1, 1]]), "perspective"),
]


@pytest.mark.parametrize(("mapping", "reason"), MAPS)
def test_map_round_trip(mapping, reason):
    points = np.random.default_rng(0).uniform(0, 200, (50, 2))
    np.testing.assert_allclose(
        mapping.inverse.apply(mapping.apply(points)), points, atol=1e-8, err_msg=reason
    )


def test_compose_applies_first_to_last():
    maps = [mapping for mapping, _ in MAPS[:5]]
    points = np.random.default_rng(1).uniform(0, 200, (20, 2))
    expected = points
    for mapping in maps:
        expected = mapping.apply(expected)
    np.testing.assert_allclose(CoordinateMap.compose(*maps).apply(points), expected, atol=1e-9)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, -1])
def test_rotate90_is_numpys(turns):
    image = np.zeros((5, 8), np.uint8)
    image[1, 6] = 255
    mapping = CoordinateMap.rotate90(image.shape, turns)
    turned = np.rot90(image, turns)
    assert mapping.size == turned.shape
    x, y = mapping.apply(np.array([6.5, 1.5]))
    assert turned[int(y), int(x)] == 255
    np.testing.assert_array_equal(mapping.warp(image), turned)


@pytest.mark.parametrize(
    "mapping",
    [CoordinateMap.resize((60, 80), (180, 160)), CoordinateMap.rotate((60, 80), 25), MAPS[5][0]],
)
def test_pixels_and_points_move_together(mapping):
    """A blob's centroid lands where the map sends its centre: no half-pixel drift."""
    image = np.zeros((60, 80), np.float32)
    cv2.circle(image, (5, 6), 3, 1.0, -1)
    warped = mapping.warp(image, (220, 220), border=cv2.BORDER_CONSTANT)
    y, x = np.mgrid[: warped.shape[0], : warped.shape[1]] + 0.5
    centroid = np.array([(warped * x).sum(), (warped * y).sum()]) / warped.sum()
    np.testing.assert_allclose(centroid, mapping.apply(np.array([5.5, 6.5])), atol=0.6)


def test_maps_refuse_nonsense():
    with pytest.raises(ConfigError, match="invertible"):
        CoordinateMap(np.zeros((3, 3)))
    with pytest.raises(ConfigError, match="target size"):
        CoordinateMap().warp(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize(
    ("first", "second", "iou", "reason"),
    [
        (SQUARE, SQUARE, 1.0, "same"),
        (SQUARE, SQUARE + 5, 25 / 175, "quarter overlap"),
        (SQUARE, SQUARE + 50, 0.0, "apart"),
        (SQUARE, SQUARE[:2], 0.0, "two points have no area"),
        (SQUARE[[0, 2, 1, 3]], SQUARE[[0, 2, 1, 3]], 1.0, "a bow-tie is repaired, not refused"),
        (SQUARE, SQUARE[::-1], 1.0, "winding does not matter"),
    ],
)
def test_polygon_iou(first, second, iou, reason):
    assert polygon_iou(first, second) == pytest.approx(iou), reason


def test_clip_and_area():
    np.testing.assert_allclose(polygon_area(clip_polygon(SQUARE - 4, 100, 100)), 36)
    assert clip_polygon(SQUARE + 200, 100, 100).shape == (0, 2)
    assert polygon_area(SQUARE[[0, 2, 1, 3]]) == pytest.approx(50)


def test_line_polygon_from_baseline():
    polygon = line_polygon_from_baseline(np.array([[10, 50], [60, 50], [110, 50]]), 20, 8)
    np.testing.assert_allclose(polygon[[0, 2, 3, 5]], [[10, 30], [110, 30], [110, 58], [10, 58]], atol=1e-4)
    with pytest.raises(DataError):
        line_polygon_from_baseline(np.array([[1, 1], [1, 1]]), 20, 8)


def wavy(angle: float, bend: float):
    """A page with three rules parallel to a curved baseline, the middle one at its middle."""
    x = np.linspace(0, 500, 26)
    flat = np.column_stack([x, bend * np.sin(x / 500 * np.pi)])
    turn = CoordinateMap.rotate((1, 1), angle, expand=False)
    baseline = turn.apply(flat - [250, 0]) + [400, 400]
    image = np.full((800, 800), 255, np.uint8)
    for offset in (-30, 0, 10):
        rule = line_polygon_from_baseline(baseline, -offset, offset)[: len(x)] - 0.5
        cv2.polylines(image, [np.round(rule * 256).astype(np.int32)], False, 0, 2, cv2.LINE_AA, 8)
    return image, baseline, line_polygon_from_baseline(baseline, 34, 14)


@pytest.mark.parametrize(
    ("angle", "bend", "reason"),
    [
        (0, 0, "straight"),
        (20, 0, "slanted"),
        (-75, 0, "steep"),
        (0, 25, "arched"),
        (8, -20, "sagging and slanted"),
    ],
)
def test_rectified_line_is_straight(angle, bend, reason):
    image, baseline, polygon = wavy(angle, bend)
    line = rectify_line(image, polygon, baseline, height=64)
    assert line.image.shape[0] == 64
    assert line.image.shape[1] / 64 == pytest.approx(500 / 48, rel=0.15), "aspect ratio is kept"
    middle = line.image[:, 60:-60]
    rows = np.argsort(middle.mean(axis=1))[:2]
    assert middle[rows].mean() < 120, f"{reason}: a rule must stay within its rows"
    on_baseline = line.to_crop(baseline[4:-4])
    assert np.ptp(on_baseline[:, 1]) < 2.5, reason


@pytest.mark.parametrize(("angle", "bend"), [(0, 0), (20, 0), (-75, 15), (170, 25)])
def test_rectify_points_round_trip(angle, bend):
    image, baseline, polygon = wavy(angle, bend)
    line = rectify_line(image, polygon, baseline, height=64)
    rng = np.random.default_rng(0)
    points = rng.uniform((0, 0), line.image.shape[::-1], (100, 2))
    np.testing.assert_allclose(line.to_crop(line.to_page(points)), points, atol=0.05)


def test_rectify_marks_the_same_pixel():
    image = np.full((400, 900, 3), 255, np.uint8)
    cv2.circle(image, (300, 200), 4, (0, 0, 0), -1)
    baseline = np.array([[100, 190], [800, 260]])
    line = rectify_line(image, line_polygon_from_baseline(baseline, 40, 20), baseline)
    dark = 255.0 - line.image[..., 0]
    y, x = np.mgrid[: dark.shape[0], : dark.shape[1]] + 0.5
    centroid = np.array([[(dark * x).sum(), (dark * y).sum()]]) / dark.sum()
    np.testing.assert_allclose(line.to_page(centroid), [[300.5, 200.5]], atol=0.3)


def test_rectify_at_the_page_edge_repeats_the_border():
    image = np.full((60, 300), 200, np.uint8)
    baseline = np.array([[0, 10], [300, 10]])
    line = rectify_line(image, line_polygon_from_baseline(baseline, 40, 20), baseline)
    assert line.image.min() == 200, "no black wedge may look like ink"


@pytest.mark.parametrize("baseline", [None, np.zeros((0, 2)), np.array([[3, 3], [3, 3]])])
def test_missing_baseline_is_estimated(baseline):
    image, true_baseline, polygon = wavy(10, 20)
    line = rectify_line(image, polygon, baseline)
    heights = line.to_crop(true_baseline[3:-3])[:, 1]
    assert np.ptp(heights) < 8
    estimated = baseline_from_polygon(polygon)
    assert estimated[0, 0] < estimated[-1, 0]


@pytest.mark.parametrize("polygon", [np.zeros((0, 2)), SQUARE[:2], SQUARE * 0, SQUARE * np.nan])
def test_rectify_refuses_an_empty_outline(polygon):
    with pytest.raises(DataError, match="outline"):
        rectify_line(np.zeros((50, 50), np.uint8), polygon, None)


def row(left, y, right, height=20, slope=0.0):
    """A line outline from `left` to `right`, centred at `y` on the left, falling by `slope`."""
    rise = (right - left) * slope
    top, bottom = -height / 2, height / 2
    return np.array(
        [[left, y + top], [right, y + rise + top], [right, y + rise + bottom], [left, y + bottom]], np.float32
    )


def block(left, right, top, count, *, step=30, slope=0.0):
    return [row(left, top + step * i, right, slope=slope) for i in range(count)]


ORDERS = [
    (block(100, 700, 100, 12), "one column"),
    (block(100, 700, 100, 12, slope=0.15), "slanted: a line's end is lower than the next one's start"),
    (block(100, 700, 300, 12, slope=-0.15), "slanted upwards"),
    ([row(100, 100 + 40 * i, 700, slope=0.02 * i) for i in range(8)], "fanning out"),
    (
        [row(100, 100, 200), row(230, 103, 400), row(420, 96, 700), *block(100, 700, 140, 5)],
        "fragments of a row",
    ),
    (
        [row(100, 100, 330, slope=0.12), row(370, 132, 700, slope=0.12), row(100, 135, 600, slope=0.12)],
        "a fragment level with the end, not with the start, of a slanted line",
    ),
    ([*block(60, 380, 100, 10), *block(420, 740, 100, 10)], "two columns"),
    ([*block(60, 380, 100, 10), *block(420, 740, 112, 7)], "two columns, unequal and out of step"),
    (
        [row(60, 50, 740), *block(60, 380, 100, 8), *block(420, 740, 100, 8), row(60, 400, 740)],
        "spanning heading",
    ),
    (
        [
            *block(60, 380, 60, 4),
            *block(420, 740, 60, 4),
            *block(60, 740, 200, 2),
            *block(60, 380, 280, 4),
            *block(420, 740, 280, 4),
        ],
        "columns, a band across, columns again",
    ),
    (
        [*block(60, 380, 100, 4), row(60, 220, 450), *block(60, 380, 250, 4), *block(420, 740, 112, 8)],
        "a line that runs on into the next column spans nothing",
    ),
    ([*block(40, 250, 100, 9), *block(290, 500, 100, 9), *block(540, 750, 100, 9)], "three columns"),
    ([*block(60, 380, 100, 10, slope=0.04), *block(420, 740, 113, 10, slope=0.04)], "slanted columns"),
    ([row(500, 50, 740), row(500, 80, 700), *block(100, 740, 140, 6), row(400, 350, 600)], "a letter"),
    ([row(500, 50, 740), row(60, 90, 300), row(60, 120, 280), *block(60, 740, 160, 6)], "date, then address"),
    (
        [
            part
            for i in range(6)
            for part in (row(60, 100 + 40 * i, 140), row(180, 98 + 40 * i, 420 + 40 * (i % 3)))
        ],
        "a form: label, answer, label, answer",
    ),
    (
        [*block(200, 740, 100, 3), row(40, 193, 160), *block(200, 740, 200, 9)],
        "a margin note is read where it stands",
    ),
]


@pytest.mark.parametrize(("lines", "reason"), ORDERS, ids=[reason for _, reason in ORDERS])
def test_reading_order(lines, reason):
    rng = np.random.default_rng(3)
    for turn in (0.0, 4.0, -4.0):
        turned = [CoordinateMap.rotate((800, 800), turn, expand=False).apply(line) for line in lines]
        shuffle = rng.permutation(len(lines))
        order = reading_order([turned[i] for i in shuffle], (800, 800))
        assert [int(shuffle[i]) for i in order] == list(range(len(lines))), f"{reason}, page turned by {turn}"


def test_reading_order_of_text_lines_and_of_nothing():
    lines = [TextLine(polygon, np.zeros((2, 2), np.float32)) for polygon in block(100, 700, 100, 3)]
    assert reading_order(lines[::-1], (800, 800)) == [2, 1, 0]
    assert reading_order([], (800, 800)) == []
    assert reading_order(lines[:1], (800, 800)) == [0]
