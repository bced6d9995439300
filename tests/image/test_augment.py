"""Augmented batches stay valid batches: padding, widths, range, randomness and each effect's direction."""

import numpy as np
import pytest
import torch

from ocr.errors import ConfigError
from ocr.image.augment import LineAugment
from ocr.nn.masking import valid_columns
from ocr.types import ImageBatch

OFF = dict.fromkeys(
    ("slant", "stretch", "scale", "shift", "rotation", "wobble", "stroke", "blur", "contrast", "brightness"),
    0.0,
) | dict.fromkeys(("noise", "resolution", "rule", "erase", "span", "identity"), 0.0)


def lines(widths=(160, 90, 33)) -> ImageBatch:
    """A horizontal stroke with a dot above its start, on lines of several widths."""
    pixels = torch.zeros(len(widths), 1, 48, 160)
    for row, width in zip(pixels, widths, strict=True):
        row[0, 22:26, 4 : width - 4] = 1.0
        row[0, 8:12, 6:10] = 1.0
    return ImageBatch(pixels, torch.tensor(widths))


def run(augment: LineAugment, images: ImageBatch, seed: int = 0) -> ImageBatch:
    return augment(images, torch.Generator().manual_seed(seed))


def middle_row(pixels: torch.Tensor) -> torch.Tensor:
    """(b,) ink-weighted mean row."""
    rows = torch.arange(48.0)[None, :] + 0.5
    ink = pixels[:, 0].sum(dim=2)
    return (ink * rows).sum(dim=1) / ink.sum(dim=1)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "the default mixture"),
        ({"identity": 0.0, "span": 1.0, "erase": 1.0}, "everything on every line"),
        ({"multiple": 64}, "a coarser padding"),
        ({"slant": 2.0, "stretch": 1.0, "wobble": 8.0, "brightness": 1.0, "noise": 1.0}, "absurd strengths"),
    ],
)
def test_result_is_a_valid_batch(settings, why):
    augment = LineAugment(**settings)
    for seed in range(5):
        found = run(augment, lines(), seed)
        assert found.pixels.shape[:3] == (3, 1, 48) and found.pixels.dtype == torch.float32
        assert found.widths.dtype == torch.int64 and found.pixels.shape[-1] >= found.widths.max() > 0
        assert found.pixels.shape[-1] % augment.multiple == 0
        assert found.pixels.min() >= 0 and found.pixels.max() <= 1
        padding = ~valid_columns(found.widths, found.pixels.shape[-1])
        assert (found.pixels * padding[:, None, None, :]).abs().max() == 0


def test_a_stretch_drawn_ahead_is_the_one_applied_and_1_leaves_the_line_alone():
    augment, images = LineAugment(slant=0.0), lines((100, 100, 100))
    found = augment(images, torch.Generator().manual_seed(0), torch.tensor([1.2, 1.0, 0.8]))
    assert found.widths.tolist() == [120, 100, 80]
    torch.testing.assert_close(found.pixels[1, :, :, :100], images.pixels[1, :, :, :100], atol=2e-4, rtol=0)


def test_stretches_drawn_ahead_are_distributed_as_those_drawn_in_the_batch():
    augment, rng = LineAugment(identity=0.2, stretch=0.25), np.random.default_rng(0)
    ahead = torch.tensor([augment.draw_stretch(rng) for _ in range(4000)])
    inside = LineAugment(**(OFF | {"identity": 0.2, "stretch": 0.25}))
    pixels = ImageBatch(torch.zeros(4000, 1, 2, 1000), torch.full((4000,), 1000))
    widths = run(inside, pixels).widths / 1000
    for found in (ahead, widths):
        assert (found == 1).float().mean() == pytest.approx(0.2, abs=0.03)
        quantiles = found.log().quantile(torch.tensor([0.0, 0.2, 0.8, 1.0]))
        assert quantiles.tolist() == pytest.approx([-0.223, -0.112, 0.112, 0.223], abs=0.015)


def test_nothing_is_drawn_ahead_where_widths_do_not_change():
    rng = np.random.default_rng(0)
    assert LineAugment(stretch=0.0).draw_stretch(rng) is None
    assert LineAugment(identity=1.0).draw_stretch(rng) is None


def test_same_seed_same_result_other_seed_another():
    augment = LineAugment()
    first, again, other = run(augment, lines(), 1), run(augment, lines(), 1), run(augment, lines(), 2)
    assert torch.equal(first.pixels, again.pixels) and torch.equal(first.widths, again.widths)
    assert not torch.equal(first.widths, other.widths)


def test_global_generator_is_left_alone():
    before = torch.get_rng_state()
    run(LineAugment(span=0.5), lines())
    assert torch.equal(before, torch.get_rng_state())


def test_input_is_left_alone():
    images = lines()
    run(LineAugment(identity=0.0), images)
    assert torch.equal(images.pixels, lines().pixels) and torch.equal(images.widths, lines().widths)


def test_lines_of_a_batch_differ():
    images = ImageBatch(lines((160,)).pixels.repeat(4, 1, 1, 1), torch.full((4,), 160))
    found = run(LineAugment(identity=0.0), images)
    assert len(set(found.widths.tolist())) > 1
    assert all((found.pixels[0] - found.pixels[i]).abs().max() > 0.1 for i in range(1, 4))


def test_all_off_changes_nothing():
    found = run(LineAugment(**OFF), lines())
    assert torch.equal(found.widths, lines().widths)
    assert torch.allclose(found.pixels, lines().pixels, atol=1e-4), "one resampling onto the same pixels"


def test_identity_share_is_per_line():
    images = ImageBatch(lines((160,)).pixels.repeat(200, 1, 1, 1), torch.full((200,), 160))
    found = run(LineAugment(identity=0.5), images)
    assert found.pixels.shape[-1] > 160, "widened lines share the batch with untouched ones"
    kept = (found.pixels[..., :160] - images.pixels).flatten(1).abs().max(dim=1).values < 1e-3
    assert 70 < int(kept.sum()) < 130
    assert (found.widths[kept] == 160).all()
    whole = run(LineAugment(identity=1.0), images)
    assert torch.equal(whole.pixels, images.pixels), "at 1 the batch is returned"


@pytest.mark.parametrize(
    ("settings", "measure", "low", "high", "why"),
    [
        ({"stretch": 0.25}, lambda x: x.widths / 160, 0.79, 1.26, "width follows the stretch"),
        ({"shift": 0.1}, lambda x: middle_row(x.pixels) - 23.5, -5.0, 5.0, "a tenth of 48 pixels up or down"),
        ({"stroke": 1.0}, lambda x: x.pixels.sum((1, 2, 3)) / 620, 0.4, 1.7, "ink grows or shrinks"),
        ({"contrast": 0.3}, lambda x: x.pixels.amax((1, 2, 3)), 0.69, 1.0, "full ink fades by the gain"),
        ({"brightness": 0.2}, lambda x: x.pixels[:, 0, 40].amax(1), 0.0, 0.2, "a veil on bare paper"),
        (
            {"noise": 0.1},
            lambda x: x.pixels[:, 0, 30:].std((1, 2)),
            0.0,
            0.08,
            "half of it is clipped on paper",
        ),
    ],
)
def test_strength_bounds_the_effect(settings, measure, low, high, why):
    images = ImageBatch(lines((160,)).pixels.repeat(64, 1, 1, 1), torch.full((64,), 160))
    values = measure(run(LineAugment(**(OFF | settings)), images))
    assert values.min() >= low and values.max() <= high
    assert values.max() - values.min() > 0.2 * (high - low), "lines draw their own strength"


def test_slant_leans_the_dot_and_keeps_ink_inside():
    images = ImageBatch(lines((160,)).pixels.repeat(64, 1, 1, 1), torch.full((64,), 160))
    found = run(LineAugment(**(OFF | {"slant": 0.35})), images)
    columns = torch.arange(found.pixels.shape[-1]) + 0.5
    dot = (found.pixels[:, 0, 8:12].sum(1) * columns).sum(1) / found.pixels[:, 0, 8:12].sum((1, 2))
    stroke = (found.pixels[:, 0, 22:26].sum(1) > 0.5).float().argmax(dim=1)
    offset = dot - stroke
    assert offset.max() > 6 and offset.min() < 2, "4 pixels at rest; to the right and to the left"
    assert torch.allclose(found.pixels[:, 0, 22:26].sum((1, 2)), torch.tensor(608.0), atol=12), (
        "no ink is cut off"
    )


@pytest.mark.parametrize(("effect", "why"), [("blur", "Gaussian"), ("resolution", "shrunk and enlarged")])
def test_softening_keeps_the_ink(effect, why):
    images = ImageBatch(lines((160,)).pixels.repeat(32, 1, 1, 1), torch.full((32,), 160))
    found = run(LineAugment(**(OFF | {effect: 1.0})), images)
    ink = found.pixels.sum((1, 2, 3)) / images.pixels.sum((1, 2, 3))
    assert ink.min() > 0.97 and ink.max() < 1.04
    steepest = (found.pixels[:, 0, 1:] - found.pixels[:, 0, :-1]).abs().amax((1, 2))
    assert (steepest < 0.999).all(), "edges are softer"


@pytest.mark.parametrize(
    ("effect", "most", "why"),
    [("erase", 10 * 48, "one strip of at most 10 columns"), ("span", 48 * 48, "as wide as the line is high")],
)
def test_erasing_touches_only_a_patch(effect, most, why):
    pixels = torch.full((64, 1, 48, 320), 0.5)
    found = run(LineAugment(**(OFF | {effect: 1.0})), ImageBatch(pixels, torch.full((64,), 320)))
    touched = ((found.pixels - 0.5).abs() > 0.1).sum((1, 2, 3))
    assert touched.max() <= most and (touched > 0).float().mean() > 0.9


def test_rule_is_one_row():
    images = ImageBatch(torch.zeros(32, 1, 48, 64), torch.full((32,), 64))
    found = run(LineAugment(**(OFF | {"rule": 1.0})), images)
    full = (found.pixels[:, 0] > 0.1).all(dim=2)
    assert (full.sum(dim=1) == 1).all() and full.any(dim=0).sum() > 3, "at another height each time"


@pytest.mark.parametrize("width", [1, 8, 16])
def test_slivers_survive(width):
    found = run(LineAugment(), ImageBatch(torch.ones(2, 1, 48, 16), torch.full((2,), width)))
    assert found.pixels.isfinite().all() and (found.widths >= 1).all()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"slant": -0.1}, "negative"),
        ({"blur": 1.5}, "a chance above 1"),
        ({"scale": 1.0}, "would divide by zero"),
        ({"multiple": 0}, "no padding unit"),
    ],
)
def test_bad_strengths_are_named(settings, why):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        LineAugment(**settings)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    found = LineAugment(span=0.5)(lines().to("cuda"), torch.Generator("cuda").manual_seed(0))
    assert found.pixels.is_cuda and found.widths.is_cuda
