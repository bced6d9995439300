import numpy as np
import pytest
from PIL import Image

from ocr.errors import ConfigError
from ocr.output import WRITERS
from ocr.output.draw import LONGEST_SIDE, MIDDLE, SURE, UNREAD, UNSURE, confidence_colour, draw_page
from ocr.types import Page, TextLine


@pytest.mark.parametrize(
    ("confidence", "colour"),
    [
        (0.0, UNSURE),
        (0.5, UNSURE),
        (1.0, SURE),
        (-1.0, UNSURE),
        (2.0, SURE),
        (0.75, MIDDLE),
        (0.875, (85, 92, 164)),
    ],
)
def test_colour_tells_confidence(confidence, colour):
    assert confidence_colour(confidence) == colour


def test_outlines_lie_where_the_lines_are(page, image, tmp_path):
    WRITERS["draw"].write(page, image, tmp_path / "out.draw.png")
    drawn = np.asarray(Image.open(tmp_path / "out.draw.png"))
    assert drawn.shape == image.shape
    for line in page.lines:
        colour = confidence_colour(line.confidence) if line.text else UNREAD
        x, y = 150, int(line.polygon[0, 1])
        band = drawn[y - 1 : y + 2, x].reshape(-1, 3).tolist()
        assert list(colour) in band, f"no outline in {colour} at {x}, {y}"
    assert (drawn[150:] == 255).all(), "nothing is drawn below the last line"


def test_large_pages_are_drawn_smaller():
    corners = np.array([(0, 0), (4000, 0), (4000, 90), (0, 90)], dtype=np.float32)
    page = Page("wide.png", 100, 5000, [TextLine(corners, corners[[3, 2]], "x", 1.0)])
    assert draw_page(page, np.zeros((100, 5000, 3), np.uint8)).size == (LONGEST_SIDE, 40)


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
