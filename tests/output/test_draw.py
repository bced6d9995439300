import numpy as np
import pytest
from PIL import Image

from ocr.errors import ConfigError
from ocr.geometry import min_area_rect
from ocr.output import WRITERS
from ocr.output.draw import (
    HIGH_COLOR,
    LOW_COLOR,
    MAX_SIDE,
    MIDDLE_COLOR,
    UNREAD_COLOR,
    DrawOptions,
    confidence_color,
    draw_page,
)
from ocr.types import Page, TextLine


@pytest.mark.parametrize(
    ("confidence", "color"),
    [
        (0.0, LOW_COLOR),
        (0.5, LOW_COLOR),
        (1.0, HIGH_COLOR),
        (-1.0, LOW_COLOR),
        (2.0, HIGH_COLOR),
        (0.75, MIDDLE_COLOR),
        (0.875, (85, 92, 164)),
    ],
)
def test_color_tells_confidence(confidence, color):
    assert confidence_color(confidence) == color


def test_outlines_lie_where_the_lines_are(page, image, tmp_path):
    WRITERS["draw"].write(page, image, tmp_path / "out.draw.png")
    drawn = np.asarray(Image.open(tmp_path / "out.draw.png"))
    assert drawn.shape == image.shape
    for line in page.lines:
        color = confidence_color(line.confidence) if line.text else UNREAD_COLOR
        x, y = 150, int(line.polygon[0, 1])
        band = drawn[y - 1 : y + 2, x].reshape(-1, 3).tolist()
        assert list(color) in band, f"no outline in {color} at {x}, {y}"
    assert (drawn[150:] == 255).all(), "nothing is drawn below the last line"


def test_large_pages_are_drawn_smaller():
    corners = np.array([(0, 0), (4000, 0), (4000, 90), (0, 90)], dtype=np.float32)
    page = Page("wide.png", 100, 5000, [TextLine(corners, corners[[3, 2]], "x", 1.0)])
    assert draw_page(page, np.zeros((100, 5000, 3), np.uint8)).size == (MAX_SIDE, 40)


def test_one_pixel_page(image):
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=np.float32)
    page = Page("dot.png", 1, 1, [TextLine(corners, corners[[3, 2]])])
    assert draw_page(page, image[:1, :1]).size == (1, 1)


@pytest.mark.parametrize(
    ("shape", "reason"), [(None, "needs the page's image"), ((10, 240, 3), "image is 10x240, page 160x240")]
)
def test_the_image_must_be_the_pages(page, shape, reason, tmp_path):
    image = None if shape is None else np.zeros(shape, np.uint8)
    with pytest.raises(ConfigError, match=f"scan 1.jpg.*{reason}"):
        WRITERS["draw"].write(page, image, tmp_path / "out.png")


def drawn(page, image, **options) -> np.ndarray:
    return np.asarray(draw_page(page, image, DrawOptions(**options)))


def pixels_of(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((picture == color).all(axis=2).sum())


def test_one_color_for_all(page, image):
    picture = drawn(page, image, color="#00ff00", words=False, numbers=False)
    assert pixels_of(picture, (0, 255, 0)) > 1000
    assert {tuple(pixel) for pixel in np.unique(picture.reshape(-1, 3), axis=0).tolist()} == {
        (0, 255, 0),
        (255, 255, 255),
    }


def test_outlines_are_as_wide_as_wished(page, image):
    thin, thick = (
        pixels_of(drawn(page, image, color="red", width=width, words=False, numbers=False), (255, 0, 0))
        for width in (1, 5)
    )
    assert 4 < thick / thin < 6


def test_rectangles_are_turned_with_the_line(image):
    """A rectangle around a slanted band keeps to it; its corners lie outside the band's own outline."""
    band = np.array([(20, 20), (200, 80), (190, 110), (120, 95), (10, 50)], np.float32)
    page = Page("a.png", *image.shape[:2], [TextLine(band, band[[4, 2]], "x", 1.0)])
    found = {
        shape: drawn(page, image, shape=shape, color="red", numbers=False)
        for shape in ("polygon", "rectangle")
    }
    corners = min_area_rect(band).polygon().round().astype(int)
    for x, y in corners:
        near = np.s_[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        assert pixels_of(found["rectangle"][near], (255, 0, 0)) > 0
    assert (
        pixels_of(found["polygon"][corners[2, 1] - 3 : corners[2, 1] + 4, corners[2, 0] - 3 :], (255, 0, 0))
        == 0
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"numbers": False}, "no numbers"), ({"words": False}, "no words"), ({"confidence": True}, "percents")],
)
def test_what_is_shown_can_be_chosen(page, image, options, reason):
    assert not np.array_equal(drawn(page, image), drawn(page, image, **options)), reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": "circle"}, "draw_shape=circle: choose from polygon, rectangle"),
        ({"color": "loud"}, "draw_color=loud: no color"),
        ({"width": 0}, "draw_width=0: must be from 1 to 100"),
    ],
)
def test_unknown_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        DrawOptions(**options)
