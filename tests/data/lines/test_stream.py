import itertools
import logging

import numpy as np
import pytest
import torch

from ocr.data.lines.batches import EvaluationBatches
from ocr.data.lines.collate import LineCollate
from ocr.data.lines.mix import MixedLines
from ocr.data.lines.pools import PoolCursor
from ocr.data.lines.sources import ConcatLines
from ocr.data.lines.stream import TrainingStream
from ocr.data.lines.synthetic import SyntheticLines
from ocr.errors import ConfigError, DataError
from ocr.image.augment import LineAugment
from ocr.image.preprocess import LinePreprocessor
from ocr.types import LineSample
from tests.helpers.lines import MemoryLines, Pen
from tests.helpers.pictures import picture

PREPROCESS = LinePreprocessor(height=16, max_width=160)


def _stream(source=None, **changes):
    source = source or MixedLines(
        {"real": MemoryLines(60), "drawn": SyntheticLines(Pen(), length=40, seed=3)},
        {"real": 1, "drawn": 1},
        length=96,
        seed=7,
    )
    settings = {"lines_per_batch": 4, "pool": 16, "num_workers": 0, "seed": 7} | changes
    return TrainingStream(source, LineCollate(PREPROCESS), **settings)


def _ids(batches):
    return [[sample.id for sample in batch.samples] for batch in batches]


def test_batches_are_the_same_for_any_number_of_workers():
    expected = _ids(_stream())
    assert len(expected) == len(_stream()) == 24
    for workers in (1, 2):
        stream = _stream(num_workers=workers)
        assert _ids(stream) == expected
        assert _ids(stream) != expected, "the second epoch is another"
        stream.close()


def test_batches_are_of_like_width_and_hold_every_line_of_their_pool():
    batches = list(_stream())
    assert sum(len(batch) for batch in batches) == 96
    for batch in batches:
        assert batch.images.pixels.shape[-1] - batch.images.widths.max() < 16
        assert all(sample.image.shape == (0, 0) for sample in batch.samples)
    real = sum(batch.images.widths.sum().item() for batch in batches)
    spent = sum(batch.images.pixels.shape[0] * batch.images.pixels.shape[-1] for batch in batches)
    assert real / spent > 0.75


def test_batches_are_of_like_width_after_augmentation():
    augment = LineAugment(stretch=0.5, slant=0.0)

    def padding(stream) -> float:
        sizes = []
        for step, batch in enumerate(stream):
            factors = [sample.stretch for sample in batch.samples]
            stretch = None if None in factors else torch.tensor(factors)
            images = augment(batch.images, torch.Generator().manual_seed(step), stretch)
            sizes.append((int(images.widths.sum()), images.pixels.shape[0] * images.pixels.shape[-1]))
        real, spent = np.sum(sizes, axis=0)
        return 1 - real / spent

    ahead, behind = (_stream(pool=96, equal_lines=True, augment=each) for each in (augment, None))
    assert sorted(sum(_ids(ahead), [])) == sorted(sum(_ids(behind), [])), "the same lines"
    assert padding(ahead) < 0.6 * padding(behind)


@pytest.mark.parametrize("consumed", [0, 1, 4, 7, 24, 31])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_stream_goes_on_exactly(consumed, workers):
    whole = _stream()
    expected = _ids(whole) + _ids(whole)
    begun = _stream(num_workers=workers)
    batches = (batch for _ in range(2) for batch in begun)
    seen = _ids(next(batches) for _ in range(consumed))
    state = begun.state_dict()
    begun.close()
    resumed = _stream(num_workers=workers)
    resumed.load_state_dict(state)
    assert (
        seen + _ids(batch for _, batch in zip(range(10), resumed, strict=False)) == expected[: consumed + 10]
    )
    resumed.close()


def test_ranks_share_the_pools_and_take_equally_many_batches():
    whole = _ids(_stream())
    ranks = [_ids(_stream(rank=rank, world_size=2)) for rank in (0, 1)]
    assert [len(rank) for rank in ranks] == [12, 12]
    per_pool = 4
    dealt = [ranks[pool % 2][pool // 2 * per_pool : (pool // 2 + 1) * per_pool] for pool in range(6)]
    assert sum(dealt, []) == whole


def test_unusable_lines_are_replaced_counted_and_named_once(caplog):
    stream = _stream(MixedLines({"lines": MemoryLines(16, bad=(3, 5))}, length=32, seed=0))
    with caplog.at_level(logging.WARNING):
        ids = sum(_ids(stream), [])
    assert len(ids) == 32
    assert stream.skipped == 4 == stream.state_dict()["skipped"]
    assert sorted(r.message for r in caplog.records) == [
        f"line skipped: memory: row {row} is broken" for row in (3, 5)
    ]
    hopeless = _stream(MixedLines({"lines": MemoryLines(4, bad=(0, 1, 2, 3))}, length=32))
    with pytest.raises(DataError, match="16 lines in a row cannot be used"):
        next(iter(hopeless))


def test_a_column_limit_holds():
    stream = _stream(max_columns=320)
    for batch in stream:
        assert batch.images.pixels.shape[0] * batch.images.pixels.shape[-1] <= 320
    assert stream.consumed == 24
    with pytest.raises(ConfigError, match="max_columns must hold one line of 160 columns, got 100"):
        _stream(max_columns=100)
    with pytest.raises(ConfigError, match="multiple"):
        _stream(pool=15)


def test_batches_of_equal_lines():
    whole = list(_stream(equal_lines=True))
    assert [len(batch) for batch in whole] == [4] * 24
    assert sorted(sum(_ids(whole), [])) == sorted(sum(_ids(_stream()), [])), "the same lines, cut otherwise"
    with pytest.raises(ConfigError, match="equal_lines leaves no room for max_columns=320"):
        _stream(equal_lines=True, max_columns=320)


def test_a_changed_layout_resumes_at_about_the_same_line(caplog):
    stream = _stream(lines_per_batch=8)
    with caplog.at_level(logging.WARNING):
        stream.load_state_dict({**_stream().state_dict(), "consumed": 10})
    assert stream.state_dict() == _stream(lines_per_batch=8).state_dict() | {"opened": {2: 1}, "fresh": 3}
    assert "lines_per_batch" in caplog.text


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ([(2, 8), (1, 12)], "fewer processes, at the end of a pool"),
        ([(2, 3), (1, 9)], "fewer processes, in the middle of pools"),
        ([(1, 6), (2, 5)], "more processes, one of which starts in the middle of a pool"),
        ([(3, 5), (2, 3), (4, 1), (1, 1), (2, 0)], "again and again, and saved before the first step"),
    ],
)
def test_any_processes_take_each_batch_of_each_pool_once(chain, reason):
    cursor, taken, batches = PoolCursor({}, 0), [], 4
    for world_size, steps in chain:
        for rank in range(world_size):
            place = {"rank": rank, "world_size": world_size, "batches": batches}
            mine = (
                (pool, batch) for pool, first in cursor.pools(0, **place) for batch in range(first, batches)
            )
            taken += itertools.islice(mine, steps)
        cursor = cursor.after(steps, world_size=world_size, batches=batches)
    left = [(pool, batch) for pool, first in cursor.opened.items() for batch in range(first, batches)]
    assert sorted(taken + left) == list(itertools.product(range(cursor.fresh), range(batches))), reason
    assert len(taken) == sum(world_size * steps for world_size, steps in chain)


def test_one_process_goes_on_with_the_lines_that_two_have_left(caplog):
    ranks = [_stream(rank=rank, world_size=2) for rank in (0, 1)]
    seen = [_ids(itertools.islice(stream, 3)) for stream in ranks]
    assert ranks[0].state_dict() == ranks[1].state_dict(), "whichever saves the checkpoint"
    alone = _stream()
    with caplog.at_level(logging.WARNING):
        alone.load_state_dict(ranks[0].state_dict())
    seen.append(_ids(itertools.islice(alone, 2)))
    assert sorted(sum(sum(seen, []), [])) == sorted(sum(_ids(itertools.islice(_stream(), 8)), []))
    assert not caplog.text, "nothing is approximate"


def test_collation_scales_polygons_and_drops_images():
    sample = LineSample(picture(64, height=32), "a", "1", "p", polygon=np.array([[0, 0], [64, 0], [64, 32]]))
    batch = LineCollate(PREPROCESS)([sample])
    assert batch.images.pixels.shape == (1, 1, 16, 32)
    assert batch.samples[0].polygon.tolist() == [[0, 0], [32, 0], [32, 16]]
    assert batch.samples[0].image.size == 0 and sample.image.size


def test_evaluation_sees_every_usable_line_once_widest_first():
    source = ConcatLines([MemoryLines(20, name="a", bad=(2,)), MemoryLines(9, name="b")])
    errors = []
    batches = list(
        EvaluationBatches(
            source,
            PREPROCESS,
            batch_size=4,
            on_error=lambda row, error: errors.append((row, str(error))),
        )
    )
    ids = sum(_ids(batches), [])
    assert sorted(ids) == sorted([f"a-{i}" for i in range(20) if i != 2] + [f"b-{i}" for i in range(9)])
    assert errors == [(2, "a: row 2 is broken")]
    widths = [batch.images.widths.max().item() for batch in batches]
    assert widths == sorted(widths, reverse=True)
    assert {sample.source for batch in batches for sample in batch.samples} == {"a", "b"}


def test_evaluation_takes_unknown_widths_for_the_median():
    source = MemoryLines(20)
    known = source.widths()
    source.widths = lambda: np.where(np.arange(20) % 7, known, np.nan)
    batches = EvaluationBatches(source, PREPROCESS, batch_size=4).batches
    assert sorted(sum(batches, [])) == list(range(20))
    assert source.widths()[batches[0][0]] >= PREPROCESS.max_width / PREPROCESS.height, "the widest first"


def test_evaluation_survives_a_batch_of_bad_rows_and_splits_over_ranks(caplog):
    source = MemoryLines(6, bad=(0, 1))
    assert len(sum(_ids(EvaluationBatches(source, PREPROCESS, batch_size=1)), [])) == 4
    assert "row 0 is broken" in caplog.text
    halves = [
        sum(_ids(EvaluationBatches(MemoryLines(10), PREPROCESS, batch_size=2, rank=r, world_size=2)), [])
        for r in (0, 1)
    ]
    assert len(halves[0] + halves[1]) == len(set(halves[0] + halves[1])) == 10
