"""The line finder with a stand-in network that sees ink."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.bundle import Bundle
from ocr.detection.settings import DetectionSettings
from ocr.errors import BundleError, ConfigError, ImageError
from ocr.geometry import CoordinateMap, polygon_iou
from ocr.image.io import load_image
from ocr.inference.detector import LineFinder
from ocr.metrics.boxes import match_polygons
from tests.helpers.ink_detector import InkDetector, finder, page


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (page(), "a blank page"),
        (np.zeros((1, 1, 3), np.uint8), "a single dark pixel"),
        (np.full((1, 900), 255, np.uint8), "a grey sliver"),
    ],
)
def test_nothing_is_found_where_nothing_is(image, reason):
    assert finder().find(image) == [], reason


@pytest.mark.parametrize(
    ("factor", "reason"), [(1, "as large as the network sees it"), (3, "a scan that is scaled down")]
)
def test_lines_come_in_reading_order_and_page_pixels(factor, reason):
    bars = [(40, 300, 440, 312), (40, 100, 440, 112), (40, 200, 440, 212)]
    image = page(*bars).repeat(factor, 0).repeat(factor, 1)
    lines = finder().find(image)
    tops = [line.baseline[:, 1].mean() / factor for line in lines]
    assert [round(top / 100) for top in tops] == [1, 2, 3], reason
    for line in lines:
        assert line.polygon.min() >= 0 and line.polygon[:, 0].max() <= image.shape[1]
        assert abs(np.ptp(line.baseline[:, 0]) / factor - 400) < 20, reason


def test_huge_writing_is_looked_at_twice():
    find = finder(reach=60.0)
    find.find(page((40, 200, 440, 300)))
    first, second, *_ = find.model.calls
    assert second[0] < first[0]


def test_width_is_obeyed():
    find = finder(width=320)
    find.find(page((40, 200, 440, 300)))
    assert find.model.calls == [(427, 320)]


def test_words_are_chained_into_lines():
    words = [(40, 100, 140, 124), (160, 100, 300, 124), (40, 200, 200, 224)]
    find = finder(refiner=False, with_refiner=False)
    boxes = find.find_words(page(*words))
    assert len(boxes) == 3
    for left, top, right, bottom in words:
        truth = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        assert max(polygon_iou(box.polygon, truth) for box in boxes) > 0.5
    lines = find.find(page(*words))
    assert [round(np.ptp(line.polygon[:, 0]) / 100) for line in lines] == [3, 2]


def test_settings_of_the_bundle_hold_until_others_are_given():
    decoding = {"link_threshold": 0.3, "words": {"low_text": 0.2, "link_threshold": 0.1}}
    bundle = Bundle("detector", "ink", InkDetector(), {}, decoding=decoding)
    find = LineFinder(bundle, settings={"low_text": 0.6, "width": None})
    assert find.settings == DetectionSettings(link_threshold=0.3, low_text=0.6)
    assert find.word_settings == DetectionSettings(link_threshold=0.1, low_text=0.6)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"text_threshold": 1.5}, ConfigError),
        ({"link_threshold": -0.1}, ConfigError),
        ({"width": 3}, ConfigError),
        ({"size_threshold": "small"}, ConfigError),
        ({"with_refiner": 1}, ConfigError),
        ({"txt_threshold": 0.5}, ConfigError),
        ({"refiner": False}, BundleError),
    ],
)
def test_wrong_settings_are_refused(options, error):
    with pytest.raises(error):
        finder(**options)


@pytest.mark.parametrize(
    "image",
    [np.zeros((0, 10, 3), np.uint8), np.zeros((9, 9, 3), np.float32), np.zeros((9, 9, 4), np.uint8)],
    ids=["no pixels", "floats", "four channels"],
)
def test_wrong_images_are_refused(image):
    with pytest.raises(ImageError):
        finder().find(image)


def test_untrained_word_maps_are_refused():
    """Silence instead of words would be a false answer."""
    bundle = Bundle("detector", "ink", InkDetector(), {}, decoding={"word_maps": False})
    with pytest.raises(BundleError, match="needs with_refiner=true"):
        LineFinder(bundle, settings={"with_refiner": False})


@pytest.mark.slow
@pytest.mark.weights
def test_the_shipped_detector_finds_words_without_the_refiner():
    """Most words of the example letter have a box of their own; chained, the words make its lines."""
    image = load_image("examples/letter.jpg")
    bundle = Bundle.load("image_text_detector_v2")
    words = LineFinder(bundle).find_words(image)
    truth = Path("examples/letter.txt").read_text(encoding="utf-8").split()
    assert 0.6 * len(truth) < len(words) < 1.4 * len(truth)
    lines = LineFinder(bundle).find(image)
    chained = LineFinder(bundle, settings={"with_refiner": False}).find(image)
    pairs = match_polygons([line.polygon for line in chained], [line.polygon for line in lines], 0.4)
    assert len(pairs) > 0.8 * len(lines)


@pytest.mark.parametrize("angle", [-20, -8, 8, 20])
def test_lines_of_a_page_askew_lie_where_they_are(angle):
    """As on the level page, each turned with it, in the same order."""
    level = page(*((60, y, 300 + 20 * (y % 7), y + 12) for y in range(60, 600, 40)))
    turn = CoordinateMap.rotate(level.shape[:2], angle)
    truth = finder().find(level)
    found = finder().find(turn.warp(level, border=cv2.BORDER_CONSTANT, fill=(255, 255, 255)))
    assert len(found) == len(truth) == 14
    for line, true in zip(found, truth, strict=True):
        assert polygon_iou(line.polygon, turn.apply(true.polygon)) > 0.6
        np.testing.assert_allclose(line.baseline[[0, -1]], turn.apply(true.baseline)[[0, -1]], atol=12)
