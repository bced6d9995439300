"""Pages are reproducible, and their labels sit where the ink is after every bend of the sheet."""

import pickle

import cv2
import numpy as np
import pytest

from ocr.commands.synth import main
from ocr.errors import ConfigError
from ocr.geometry import CoordinateMap, polygon_area, reading_order
from ocr.metrics.boxes import reading_order_error
from ocr.synth.camera import shoot
from ocr.synth.layouts import LAYOUTS
from ocr.synth.page import PageSynthesizer, _label
from ocr.synth.sheet import Sheet


@pytest.fixture(scope="module")
def synthesizer():
    return PageSynthesizer(longer_side=(500, 600))


def covered(polygons, size) -> np.ndarray:
    """Mask of the pixels inside any of the polygons."""
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round((polygon - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return mask


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(synthesizer, layout):
    pages = PageSynthesizer(longer_side=(500, 600), layouts={layout: 1.0})
    sample = pages.sample(np.random.default_rng([5, 1]))
    page = sample.page
    assert sample.image.dtype == np.uint8 and sample.image.shape == (page.height, page.width, 3)
    assert max(sample.image.shape) in range(500, 602)
    assert bool(page.lines) == (layout != "blank"), "blank pages hold no text, the others do"
    words = [word for line in page.lines for word in line.words]
    assert ["".join(c for c, _ in group) for group in sample.characters] == [word.text for word in words]
    for line in page.lines:
        assert line.text == " ".join(word.text for word in line.words) != ""
        assert line.kind in ("handwritten", "print")
        assert line.polygon.dtype == line.baseline.dtype == np.float32
    for polygon in [line.polygon for line in page.lines] + page.ignore:
        assert polygon.min() >= 0 and polygon[:, 0].max() <= page.width and polygon[:, 1].max() <= page.height
        assert polygon_area(polygon) > 0
    assert all(quad.shape == (4, 2) for group in sample.character_polygons for quad in group)


def test_same_seed_same_page_after_pickling(synthesizer):
    first = synthesizer.sample(np.random.default_rng([7, 3]))
    second = pickle.loads(pickle.dumps(synthesizer)).sample(np.random.default_rng([7, 3]))
    np.testing.assert_array_equal(first.image, second.image)
    assert first.page.text == second.page.text
    other = synthesizer.sample(np.random.default_rng([7, 4]))
    assert first.image.shape != other.image.shape or (first.image != other.image).any()


@pytest.mark.parametrize("angle", [0.0, 7.0, -90.0])
def test_words_hold_the_ink(synthesizer, angle):
    """Written on white paper, nearly all ink lies in the words' boxes and every box holds ink."""
    scribe = synthesizer.scribe
    for seed in range(5):
        rng = np.random.default_rng(seed)
        sheet = Sheet(np.full((900, 900, 3), 255, np.uint8))
        x, y = (450, 850) if angle == -90 else (60, 450)
        hand = scribe.hand(rng, 14)
        written = sheet.write(
            scribe, rng, hand, x, y, width=700, text="Exact boxes follow the pen", angle=angle
        )
        assert written is not None
        quads = [word.polygon for word in written.words]
        ink = sheet.ink > 128
        inside = covered(quads, sheet.size)
        # The boxes of slanted letters leave their thinnest tips out.
        grown = cv2.dilate(inside, np.ones((7, 7), np.uint8))
        assert ink[grown > 0].sum() > 0.97 * ink.sum(), f"{hand.font.name}: ink outside the words"
        for quad in quads:
            assert ink[covered([quad], sheet.size) > 0].mean() > 0.03, f"{hand.font.name}: a box without ink"
        assert (sheet.image.min(axis=2) < 250)[covered(quads, sheet.size) == 0].mean() < 0.02


def test_points_and_pixels_go_through_the_same_camera():
    """Marks on a sheet are found where the map says, for scans and photographs alike."""
    spots = np.array([[120, 150], [480, 130], [300, 420], [130, 680], [470, 700]], np.float32)
    found = 0
    for seed in range(14):
        sheet = np.full((840, 600, 3), 255, np.uint8)
        for x, y in spots:
            cv2.circle(sheet, (int(x * 16 - 8), int(y * 16 - 8)), 7 * 16, (0, 0, 0), -1, cv2.LINE_AA, 4)
        picture, to_picture = shoot(np.random.default_rng(seed), sheet, 900)
        assert max(picture.shape) in (899, 900, 901)
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        for x, y in to_picture.apply(spots):
            if not (16 < x < grey.shape[1] - 16 and 16 < y < grey.shape[0] - 16):
                continue
            left, top = int(x) - 15, int(y) - 15
            patch = grey[top : top + 31, left : left + 31]
            dark = np.clip(np.percentile(patch, 80) - 40 - patch, 0, None)
            if dark.max() < 30:
                continue
            row, column = np.mgrid[:31, :31] + 0.5
            center = np.array([(dark * column).sum(), (dark * row).sum()]) / dark.sum() + (left, top)
            assert np.abs(center - (x, y)).max() < 1.2, f"seed {seed}: {center} instead of {(x, y)}"
            found += 1
    assert found > 45


def test_words_cut_off_by_the_picture_leave_the_label(synthesizer):
    scribe, rng = synthesizer.scribe, np.random.default_rng(0)
    sheet = Sheet(np.full((200, 800, 3), 255, np.uint8))
    written = sheet.write(
        scribe, rng, scribe.hand(rng, 14), 20, 100, width=700, text="one two three four five six"
    )
    cut = written.words[3].polygon[:, 0].mean()
    sample = _label(sheet, sheet.image[:, : int(cut)], CoordinateMap(), "prose")
    assert sample.page.lines[0].text == " ".join(word.text for word in written.words[:3])
    assert len(sample.characters) == 3
    assert len(sample.page.ignore) == 1, "the visible half of a cut word is neither text nor background"


def test_pages_are_written_in_reading_order(synthesizer):
    """Loosely: the order of the pen and the order found from the shapes agree on nearly all pairs."""
    pages = PageSynthesizer(longer_side=(500, 600), layouts={"prose": 1.0, "letter": 1.0, "columns": 1.0})
    errors = []
    for index in range(12):
        page = pages.sample(np.random.default_rng([2, index])).page
        errors.append(reading_order_error(reading_order(page.lines, (page.height, page.width))))
    assert np.mean(errors) < 0.03


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"longer_side": (100, 200)}, "longer_side"),
        ({"longer_side": (900, 800)}, "longer_side"),
        ({"layouts": {"poster": 1.0}}, "poster"),
        ({"layouts": {"prose": 0.0}}, "layout"),
    ],
)
def test_wrong_settings(arguments, message):
    with pytest.raises(ConfigError, match=message):
        PageSynthesizer(**arguments)


def test_command_line(tmp_path):
    out = tmp_path / "pages.png"
    main(["pages", "--count", "2", "--seed", "3", "--layout", "sparse", "--boxes", "--output", str(out)])
    assert cv2.imread(str(out)).shape == (900, 1800, 3)
