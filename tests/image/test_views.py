"""Views of lines: sizes, places of ink, and padding."""

import numpy as np
import pytest
import torch

from ocr.errors import ConfigError
from ocr.image.views import View
from ocr.types import ImageBatch


def strokes(*widths: int) -> ImageBatch:
    """Lines with a vertical stroke, 4 pixels wide, in the middle of each."""
    pixels = torch.zeros(len(widths), 1, 48, max(widths))
    for row, width in enumerate(widths):
        pixels[row, :, :, width // 2 - 2 : width // 2 + 2] = 1
    return ImageBatch(pixels, torch.tensor(widths))


def centers(image: torch.Tensor) -> np.ndarray:
    """(h,) mean column of the ink of each row of pixels."""
    columns = torch.arange(image.shape[-1]) + 0.5
    return ((image * columns).sum(-1) / image.sum(-1)).numpy()


def test_a_view_without_change_is_the_same_line():
    images = strokes(64, 96)
    view = View()(images)
    assert view.widths.tolist() == [64, 96]
    assert torch.allclose(view.pixels, images.pixels, atol=1e-5)


@pytest.mark.parametrize(
    ("stretch", "shear", "width", "top", "bottom"),
    [
        (1.5, 0.0, 96, 48, 48),
        (1.0, 0.25, 76, 32, 44),
        (1.0, -0.25, 76, 44, 32),
        (2.0, 0.25, 140, 64, 76),
    ],
)
def test_ink_lies_where_stretch_and_shear_take_it(stretch, shear, width, top, bottom):
    view = View(stretch, shear)(strokes(64))
    places = centers(view.pixels[0, 0])
    assert view.widths.tolist() == [width]
    assert (places[0], places[-1]) == pytest.approx((top, bottom), abs=0.3)


def test_padding_stays_zero():
    view = View(1.3, 0.2)(strokes(40, 200))
    assert view.pixels.shape[-1] % 32 == 0
    for pixels, width in zip(view.pixels, view.widths.tolist(), strict=True):
        assert pixels[..., :width].sum() > 0
        assert pixels[..., width:].abs().max() == 0


@pytest.mark.parametrize("values", [(0.1, 0.0), (4.0, 0.0), (1.0, 2.0)])
def test_changes_that_leave_no_text_are_refused(values):
    with pytest.raises(ConfigError, match="expected"):
        View(*values)
