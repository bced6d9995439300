import numpy as np
import pytest

from ocr.data.lines.crops import VaryCrop
from ocr.data.lines.mix import MixedLines
from ocr.errors import ConfigError
from ocr.types import LineSample
from tests.helpers.lines import MemoryLines


def line(shape: tuple[int, ...] = (64, 200)) -> LineSample:
    """Ink in rows 14 to 49 and columns 40 to 159, a neighbour's above it, the outline about the first."""
    image = np.full(shape, 220, np.uint8)
    image[14:50, 40:160:3] = 20
    image[0:6, 100:120] = 20
    outline = np.array([(38, 13), (162, 13), (162, 50), (38, 50)], np.float32)
    return LineSample(image, "text", "1", "d", polygon=outline)


RNG = np.random.default_rng


def test_nothing_changes_without_chance():
    sample = line()
    assert VaryCrop(mask=0, tight=0, loose=0)(sample, RNG(0)) is sample


@pytest.mark.parametrize("shape", [(64, 200), (64, 200, 3)])
def test_ink_outside_of_the_outline_is_painted_over(shape):
    sample = line(shape)
    image = VaryCrop(mask=1, tight=0, loose=0)(sample, RNG(0)).image
    assert image[0:4].min() > 180 and image[20:45, 60:150].min() < 60
    assert sample.image[0:6].min() == 20, "the source's own picture stays"


def test_lines_without_an_outline_are_not_masked():
    sample = line()
    sample.polygon = None
    assert VaryCrop(mask=1, tight=0, loose=0)(sample, RNG(0)) is sample


@pytest.mark.parametrize("seed", range(8))
def test_a_tight_crop_keeps_all_but_the_rim_of_the_ink(seed):
    image = VaryCrop(mask=1, tight=1, loose=0)(line(), RNG(seed)).image
    assert 36 * 0.9 <= image.shape[0] <= 36 * 1.45
    ink = np.flatnonzero((image < 60).any(axis=0))
    assert ink[-1] - ink[0] == 117, "no column of ink is lost"


@pytest.mark.parametrize("seed", range(4))
def test_a_loose_crop_adds_paper_and_loses_nothing(seed):
    image = VaryCrop(mask=0, tight=0, loose=1)(line(), RNG(seed)).image
    assert image.shape[0] >= 64 and image.shape[1] >= 200
    assert (image == 20).sum() == (line().image == 20).sum()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_picture_survives(level):
    sample = LineSample(np.full((64, 90), level, np.uint8), "a", "1", "d")
    for seed in range(6):
        assert min(VaryCrop(mask=1, tight=0.5, loose=0.5)(sample, RNG(seed)).image.shape) > 0


def test_a_mix_varies_by_position_alone():
    mix, again = (
        MixedLines({"lines": MemoryLines(5)}, seed=3, vary=VaryCrop(tight=0, loose=1)) for _ in range(2)
    )
    shapes = [mix.at(position).image.shape for position in range(10)]
    assert [again.at(position).image.shape for position in range(9, -1, -1)][::-1] == shapes
    assert len(set(shapes)) > 5


def test_a_chance_out_of_range_is_named():
    with pytest.raises(ConfigError, match="tight=1.5"):
        VaryCrop(tight=1.5)
