"""Shards of synthetic lines: the same set whoever draws it, read a few row groups at a time."""

import json
import pickle

import numpy as np
import pyarrow.parquet as pq
import pytest

from ocr.commands.synth import main
from ocr.data.lines.mix import MixedLines
from ocr.data.lines.shards import ParquetShards
from ocr.errors import DataError
from ocr.synth.line import LineSynthesizer
from ocr.synth.shards import shard_path, write_lines


@pytest.fixture(scope="module")
def synthesizer():
    return LineSynthesizer(height=32)


@pytest.fixture(scope="module")
def shards(synthesizer, tmp_path_factory):
    """23 lines in three files of row groups of up to 3 lines."""
    folder = tmp_path_factory.mktemp("shards")
    for shard, (start, end) in enumerate([(0, 8), (8, 9), (9, 23)]):
        write_lines(synthesizer, range(start, end), shard_path(folder, shard, 3), seed=5, batch=3)
    return folder


def command(folder, *options, count=5):
    return main(["parquet", "--output", str(folder), "--count", str(count), "--height", "32", *options])


def test_any_number_of_workers_draws_the_same_set_once(tmp_path, capsys):
    command(tmp_path / "whole.parquet")
    command(tmp_path / "shared", "--shards", "2", "--shard", "1")
    second = shard_path(tmp_path / "shared", 1, 2)
    before = second.stat().st_mtime_ns
    command(tmp_path / "shared", "--shards", "2")
    assert second.stat().st_mtime_ns == before, "a complete shard is not drawn again"
    assert "shard 0 of 2: written\nshard 1 of 2: is there" in capsys.readouterr().out
    files = sorted((tmp_path / "shared").iterdir())
    assert files == [shard_path(tmp_path / "shared", shard, 2) for shard in (0, 1)], "nothing half-written"
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert rows == pq.read_table(tmp_path / "whole.parquet").to_pylist()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--shards", "2", "--seed", "7"], "lines-00000-of-00002.parquet: holds other lines"),
        (["--shards", "2", "--shard", "2"], "shard 2 of 2"),
        (["--shards", "6"], "shard 0 of 6 of 5 lines"),
        (["--shard", "0"], "--shard says which of --shards"),
    ],
)
def test_shards_that_cannot_be_written_are_refused_in_one_line(tmp_path, capsys, options, reason):
    made_of = json.dumps({"seed": 0, "count": 5})
    write_lines(None, range(0), shard_path(tmp_path, 0, 2), seed=0, made_of=made_of)
    assert command(tmp_path, *options) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1


def test_every_line_comes_once_an_epoch_in_an_order_of_its_own(shards):
    lines = ParquetShards(f"{shards}/*.parquet", window=2)
    every = {f"synthetic-5-{index}" for index in range(23)}
    epochs = [[lines.at(epoch * 23 + place).id for place in range(23)] for epoch in (0, 1)]
    assert all(set(epoch) == every for epoch in epochs) and epochs[0] != epochs[1] != sorted(epochs[1])
    assert len(lines) == len(lines.widths()) == 23


def test_a_line_depends_on_its_number_alone(shards):
    lines = ParquetShards(f"{shards}/*.parquet", window=2)
    expected = [lines.at(place) for place in range(30)]
    elsewhere = pickle.loads(pickle.dumps(MixedLines({"lines": lines})))
    for place in (29, 3, 17):
        again = elsewhere.at(place)
        assert again.id == expected[place].id and np.array_equal(again.image, expected[place].image)


def test_no_more_than_two_windows_are_in_memory(shards):
    lines = ParquetShards(f"{shards}/*.parquet", window=2)
    for place in range(46):
        lines.at(place)
    groups = lines._group_of._kept.cache_info()
    assert groups.currsize <= 4 < len(lines.groups)
    assert groups.misses <= 2 * len(lines.groups), "a group is read once an epoch"


def test_unusable_shards_are_named(tmp_path):
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not this")
    with pytest.raises(DataError, match=r"broken\.parquet: not a readable Parquet file"):
        ParquetShards(broken, window=8)
    with pytest.raises(DataError, match="no such file"):
        ParquetShards(tmp_path / "none-*.parquet", window=8)
