"""Crops of pages for the detector."""

import numpy as np
import pytest
import torch

from ocr.data.pages.batches import collate_crops
from ocr.data.pages.crops import PageCrops
from ocr.data.pages.datamodule import NumberedSampler
from ocr.errors import ConfigError
from ocr.image.page_augment import PageAugment
from tests.helpers.ruled_pages import CharacterPages, RuledPages


def crops(source, **options) -> PageCrops:
    return PageCrops({"pages": source}, length=8, size=(128, 160), paste=0.0, **options)


def test_targets_stay_on_their_ink():
    for index in range(12):
        image, targets = crops(RuledPages(), blank=0.0)[index]
        grey = image[..., 0].reshape(32, 4, 40, 4).mean(axis=(1, 3))
        assert (targets.line > 0.99).sum() > 10
        assert grey[targets.line > 0.99].max() < 90, "cores lie on the bars"
        # Nothing but the ends of bars is left uncovered.
        assert (targets.line[grey < 60] > 0).mean() > 0.9


def test_a_crop_depends_on_seed_and_number_alone():
    options = {"augment": PageAugment(), "pages_kept": 1}
    first, second = crops(RuledPages(), **options), crops(RuledPages(), **options)
    _ = second[3]
    a, b, other = first[5], second[5], first[6]
    assert np.array_equal(a[0], b[0]) and np.array_equal(a[1].extent, b[1].extent)
    assert not np.array_equal(a[0], other[0])


@pytest.mark.parametrize(
    ("source", "known", "reason"),
    [
        (RuledPages(), 0, "real pages tell nothing about characters"),
        (CharacterPages(), 1, "synthetic ones do"),
        (CharacterPages(lines=False), 1, "also that there are none"),
    ],
)
def test_characters_are_learnt_where_they_are_annotated(source, known, reason):
    _, targets = crops(source)[0]
    assert (targets.character_weight == known).all(), reason
    assert targets.region.any() == bool(known and source.lines)


def test_pasted_pictures_hold_no_text():
    dataset = PageCrops({"ruled": RuledPages()}, length=8, size=(128, 160), paste=1.0, blank=0.0, seed=2)
    plain = PageCrops({"ruled": RuledPages()}, length=8, size=(128, 160), paste=0.0, blank=0.0, seed=2)
    pasted, untouched = dataset[0][1], plain[0][1]
    assert pasted.line.sum() < untouched.line.sum()
    assert (pasted.line_weight == 0).any(), "nothing is known along the edge"


def test_batches_are_stacked():
    dataset = crops(RuledPages())
    batch = collate_crops([dataset[0], dataset[1]])
    assert batch.images.shape == (2, 3, 128, 160) and batch.images.dtype == torch.uint8
    assert batch.extent.shape == (2, 2, 32, 40) and len(batch) == 2


def test_augmentation_changes_pixels_not_shape():
    image = RuledPages()[0][0][:64, :80]
    sure = PageAugment(*[1.0] * 9)
    changed = sure(image, np.random.default_rng(0))
    assert changed.shape == image.shape and changed.dtype == np.uint8
    assert not np.array_equal(changed, image)
    off = PageAugment(*[0.0] * 9)
    assert np.array_equal(off(image, np.random.default_rng(0)), image)


def test_numbers_go_on_from_epoch_to_epoch_and_are_shared_out():
    sampler = NumberedSampler(3, done=6, rank=1, world_size=2)
    assert list(sampler) == [13, 15, 17] and list(sampler) == [19, 21, 23]


@pytest.mark.parametrize(
    "options",
    [{"weights": {"ruled": 1, "other": 2}}, {"weights": {"ruled": 0}}, {"size": (130, 128)}],
    ids=["a weight too many", "all weights 0", "size off the grid"],
)
def test_wrong_settings_are_named(options):
    with pytest.raises(ConfigError, match=next(iter(options)).rstrip("s")):
        PageCrops({"ruled": RuledPages()}, **{"length": 8, "size": (128, 128)} | options)
