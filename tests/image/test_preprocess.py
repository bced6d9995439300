"""Any crop becomes a line of one height, dark on white, the same in every stage."""

import cv2
import numpy as np
import pytest
import torch

from ocr.bundle.registry import build
from ocr.errors import ConfigError, ImageError
from ocr.image.preprocess import LinePreprocessor


def written(
    height: int = 64, width: int = 400, *, paper: int = 220, ink: int = 60, noise: float = 2.0
) -> np.ndarray:
    """A line of strokes on slightly noisy paper; uint8 (height, width)."""
    grey = np.full((height, width), float(paper))
    for x in range(20, width - 20, 25):
        cv2.line(grey, (x, height - 14), (x + 12, 14), float(ink), 3)
    grey += np.random.default_rng(0).normal(0, noise, grey.shape)
    return grey.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "width", "why"),
    [
        ((64, 640), 480, "shrunk, aspect kept"),
        ((24, 240), 480, "enlarged, aspect kept"),
        ((48, 333), 333, "already of the height"),
        ((64, 40_000), 1536, "squeezed to max_width"),
        ((20, 9_000), 1536, "enlarged one way and squeezed the other"),
        ((64, 4), 16, "too narrow: paper is added"),
        ((1, 1), 48, "one pixel"),
        ((3_000, 1), 16, "a hair"),
    ],
)
def test_size(shape, width, why):
    found = LinePreprocessor(height=48)(np.full(shape, 200, np.uint8))
    assert found.shape == (48, width) and found.dtype == np.uint8


@pytest.mark.parametrize(
    ("shape", "width", "why"),
    [
        ((64, 640), 720, "half as wide again"),
        ((64, 40_000), 1536, "squeezed to max_width"),
        ((64, 4), 16, "stretched to less than min_width: paper is added"),
    ],
)
def test_stretch_multiplies_the_width(shape, width, why):
    preprocess = LinePreprocessor(height=48, stretch=1.5)
    found = preprocess(np.full(shape, 200, np.uint8))
    assert found.shape == (48, width), why
    assert preprocess.columns(*shape) == min(width, round(shape[1] * 48 / shape[0] * 1.5)), why
    assert preprocess.columns(64, preprocess.max_crop_width(64)) == 1536, why


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (written(), "ordinary"),
        (written(paper=140, ink=70), "faint ink on dark paper"),
        (np.repeat(written()[:, :, None], 3, axis=2), "RGB"),
        (written()[:, ::-1], "not contiguous"),
        (255 - written(), "white on black"),
        (255 - written(paper=240, ink=100), "grey on black"),
    ],
)
@pytest.mark.parametrize("flatten", [False, True])
def test_paper_is_white_and_ink_black(image, why, flatten):
    found = LinePreprocessor(height=48, flatten=flatten)(image)
    assert np.percentile(found, 1) < 30 and np.median(found) > 235
    assert found.mean() > 170, "most of a line is paper"


@pytest.mark.parametrize("paper", [113, 121, 151, 170, 190])
def test_light_writing_on_medium_ground_is_turned(paper):
    found = LinePreprocessor(height=48)(written(paper=paper, ink=250))
    assert np.percentile(found, 1) < 30 and np.median(found) > 235, "dark ink on white paper"


@pytest.mark.parametrize(
    ("paper", "ink", "why"),
    [
        ((40, 90, 200), (255, 255, 255), "white on blue"),
        ((220, 60, 60), (255, 255, 255), "white on red"),
        ((176, 124, 60), (250, 250, 250), "white on brown paper"),
        ((200, 90, 90), (90, 135, 150), "equal brightness"),
        ((110, 140, 110), (170, 100, 150), "equal brightness, pale colors"),
    ],
)
def test_writing_is_told_by_its_color(paper, ink, why):
    share = (written(paper=0, ink=255, noise=0)[:, :, None] / 255.0).astype(np.float32)
    image = np.array(paper) * (1 - share) + np.array(ink) * share
    noisy = (image + np.random.default_rng(0).normal(0, 2, image.shape)).clip(0, 255).astype(np.uint8)
    found = LinePreprocessor(height=48)(noisy)
    strokes = LinePreprocessor(height=48)(written(paper=255, ink=0, noise=0))
    assert np.abs(found.astype(int) - strokes).mean() < 12, why


def _pencil_under_a_lamp() -> np.ndarray:
    image = written(paper=150, ink=115)
    image[:, 300:360] = 240
    return image


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (written(paper=150, ink=90), "dark ink on medium ground"),
        (_pencil_under_a_lamp(), "a patch of light is no writing"),
        (np.repeat(written(paper=180, ink=140)[:, :, None], 3, axis=2), "pencil has no color"),
        (
            (written(paper=180, ink=140)[:, :, None] * np.array([1.0, 0.95, 0.85])).astype(np.uint8),
            "pencil on yellow paper",
        ),
    ],
)
def test_dark_writing_stays_as_it_is(image, why):
    """As grays alone, and not turned."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert np.array_equal(
        LinePreprocessor(height=48)(image), LinePreprocessor(height=48, detect_inverted=False)(gray)
    ), why


def test_a_negative_is_read_as_its_positive():
    image = written()
    positive, negative = LinePreprocessor(height=48)(image), LinePreprocessor(height=48)(255 - image)
    assert np.abs(positive.astype(int) - negative).max() <= 12
    kept = LinePreprocessor(height=48, detect_inverted=False)(255 - image)
    assert np.median(kept) > 235 and (kept < 128).mean() < 0.01, "without the option the writing is lost"


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (written(paper=200, ink=20), "dark ink is not a negative"),
        (
            np.where(np.arange(400)[None, :] < 200, 20, written()).astype(np.uint8),
            "half of the crop is a dark table",
        ),
        (np.full((64, 400), 15, np.uint8), "a black crop has nothing light in it"),
    ],
)
def test_only_clear_negatives_are_turned(image, why):
    assert np.array_equal(
        LinePreprocessor(height=48)(image), LinePreprocessor(height=48, detect_inverted=False)(image)
    )


@pytest.mark.parametrize(("paper", "why"), [(0, "black"), (90, "dark"), (200, "grey"), (255, "white")])
@pytest.mark.parametrize("flatten", [False, True])
def test_noise_of_a_blank_crop_stays_faint(paper, why, flatten):
    found = LinePreprocessor(height=48, flatten=flatten)(written(paper=paper, ink=paper))
    assert found.min() > 170 and found.mean() > 240


def test_flatten_takes_shading_away():
    shade = np.linspace(1.0, 0.35, 400)[None, :]
    shaded = (written(noise=0) * shade).astype(np.uint8)
    plain, flat = LinePreprocessor(height=48)(shaded), LinePreprocessor(height=48, flatten=True)(shaded)
    rows = np.r_[0:6, 42:48]
    assert plain[rows, -40:].mean() < 120, "the dark end of the paper looks like ink"
    assert flat[rows].min() > 200, "paper is white from end to end"
    strokes = flat[12:36].min(axis=0)
    assert (strokes[:150] < 60).sum() > 20 and (strokes[-150:] < 60).sum() > 20, "ink is black at both ends"


def test_squeezing_averages_and_does_not_alias():
    stripes = np.tile(np.array([0, 255], np.uint8), (20, 9_000))
    found = LinePreprocessor(height=48, max_width=600, min_contrast=255)(stripes)
    assert found.std() < 10


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((0, 10), np.uint8), r"\(0, 10\)"),
        (np.zeros((10, 0, 3), np.uint8), r"\(10, 0, 3\)"),
        (np.zeros((10, 10), np.float32), "float32"),
        (np.zeros((10, 10, 4), np.uint8), r"\(10, 10, 4\)"),
        (np.zeros(10, np.uint8), r"\(10,\)"),
    ],
)
def test_unusable_images_are_named(image, reason):
    with pytest.raises(ImageError, match=reason):
        LinePreprocessor(height=48)(image)


@pytest.mark.parametrize(
    "settings",
    [{"height": 4}, {"max_width": 8}, {"min_width": 0}, {"stretch": 0}, {"min_contrast": 0}, {"multiple": 0}],
    ids=lambda settings: next(iter(settings)),
)
def test_unusable_sizes_are_refused(settings):
    with pytest.raises(ConfigError):
        LinePreprocessor(**{"height": 48} | settings)


def test_batch_pads_with_nothing():
    preprocess = LinePreprocessor(height=48)
    lines = [preprocess(written(width=width)) for width in (300, 90, 411)]
    batch = preprocess.batch(lines)
    assert batch.pixels.shape == (3, 1, 48, 320) and batch.pixels.dtype == torch.float32
    assert batch.widths.tolist() == [line.shape[1] for line in lines] == [225, 68, 308]
    for row, line in zip(batch.pixels[:, 0], lines, strict=True):
        assert torch.equal(row[:, : line.shape[1]], torch.from_numpy(255 - line).float() / 255)
        assert not row[:, line.shape[1] :].any()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "no lines"),
        ([np.zeros((40, 50), np.uint8)], "another height"),
        ([np.zeros((48, 5, 3), np.uint8)], "RGB"),
    ],
)
def test_batch_of_something_else_is_refused(lines, why):
    with pytest.raises(ImageError, match="batch"):
        LinePreprocessor(height=48).batch(lines)


def test_config_rebuilds_it():
    original = LinePreprocessor(
        height=40, max_width=700, min_width=20, stretch=1.25, min_contrast=30, multiple=32, flatten=True
    )
    again = build(original.config())
    assert vars(again) == vars(original)
    assert np.array_equal(again(written()), original(written()))
