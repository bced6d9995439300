import pickle
from collections import Counter

import numpy as np
import pytest

from ocr.data.lines.mix import MixedLines
from ocr.data.lines.synthetic import SyntheticLines
from ocr.errors import ConfigError
from tests.helpers.lines import MemoryLines, Pen


def test_a_synthetic_line_depends_on_its_seed_and_index_alone():
    lines = SyntheticLines(Pen(), length=3, seed=5)
    again = SyntheticLines(Pen(), length=9, seed=5)
    assert [lines[i].text for i in (2, 0)] == [again[i].text for i in (2, 0)]
    assert lines[0].text != SyntheticLines(Pen(), length=3, seed=6)[0].text
    assert lines.at(100).text == again.at(100).text
    assert np.isnan(lines.widths()).all()
    with pytest.raises(IndexError):
        lines[3]


@pytest.mark.parametrize("weights", [(3, 1), (0.999, 0.001), (1, 0), (1, 1)])
def test_shares_hold_in_every_stretch(weights):
    mix = MixedLines(
        {"a": MemoryLines(70), "b": MemoryLines(50)}, dict(zip("ab", weights, strict=True)), seed=1
    )
    drawn = np.array([mix.locate(position)[0] for position in range(20 * mix.block)])
    share = weights[0] / sum(weights)
    for start in range(0, len(drawn), mix.block):
        count = (drawn[start : start + mix.block] == 0).sum()
        assert abs(count - share * mix.block) <= 2
    assert abs((drawn == 0).mean() - share) < 2 / len(drawn) + 1e-9


def test_every_line_of_a_finite_source_comes_once_per_epoch_in_changing_order():
    mix = MixedLines(
        {"real": MemoryLines(30), "drawn": SyntheticLines(Pen(), length=10, seed=0)},
        {"real": 1, "drawn": 1},
        seed=2,
    )
    drawn = [mix.locate(position) for position in range(8 * mix.block)]
    real = [item for which, item in drawn if which == 0]
    counts = Counter(real)
    assert set(counts) == set(range(30))
    assert max(counts.values()) - min(counts.values()) <= 1
    synthetic = [item for which, item in drawn if which == 1]
    assert sorted(synthetic) == list(range(len(synthetic))), "an endless source never repeats"


def test_positions_need_no_history():
    make = lambda: MixedLines({"a": MemoryLines(30), "b": MemoryLines(7)}, {"a": 2, "b": 1}, seed=3)  # noqa: E731
    forward = make()
    expected = [forward.locate(p) for p in range(1000)]
    backward = pickle.loads(pickle.dumps(make()))
    assert [backward.locate(p) for p in reversed(range(1000))] == expected[::-1]
    assert make().locate(10**12) == forward.locate(10**12)
    other = MixedLines({"a": MemoryLines(30), "b": MemoryLines(7)}, {"a": 2, "b": 1}, seed=4)
    assert [other.locate(p) for p in range(1000)] != expected


def test_indices_are_the_first_positions():
    mix = MixedLines({"lines": MemoryLines(30)}, length=10, seed=0)
    first = [mix[i].id for i in range(10)]
    assert first == [mix.at(i).id for i in range(10)]
    assert mix.widths().tolist() == [MemoryLines(30).widths()[int(i.split("-")[1])] for i in first]


@pytest.mark.parametrize(
    ("weights", "names", "reason"),
    [
        ({"a": 1, "b": 0, "c": 1}, ["a", "c"], "weight 0"),
        ({"a": 1, "b": None, "c": 1}, ["a", "c"], "a weight taken back"),
        ({"a": 1, "b": 1, "c": 1}, ["a", "b", "c"], "all in use, in the order of the sources"),
        ({"c": 1, "b": 1, "a": 1}, ["a", "b", "c"], "the order of the weights does not count"),
        ({"a": 1, "b": 1, "c": 1, "gone": 9}, ["a", "b", "c"], "a source taken back"),
    ],
)
def test_sources_in_use_are_numbered_in_their_order(weights, names, reason):
    sources = {"a": MemoryLines(3), "b": MemoryLines(4), "c": MemoryLines(5), "gone": None}
    mix = MixedLines(sources, weights)
    assert mix.names == names, reason
    assert mix.shares.tolist() == pytest.approx([1 / len(names)] * len(names))


@pytest.mark.parametrize(
    ("sources", "weights", "message"),
    [
        ({}, {}, "at least one source"),
        ({"a": MemoryLines(3)}, {"a": 1, "copist": 2}, "no source copist; there are a"),
        ({"a": MemoryLines(3), "b": MemoryLines(3)}, {"a": 1}, "none for the source b"),
        ({"a": MemoryLines(3)}, {"a": 0}, "weight above 0"),
        (
            {"a": MemoryLines(3), "b": MemoryLines(3)},
            {"a": 1, "b": -1},
            "b=-1, expected a finite number >= 0",
        ),
        ({"a": MemoryLines(3), "void": MemoryLines(0)}, {"a": 1, "void": 1}, "void is empty"),
    ],
)
def test_impossible_mixes_are_refused(sources, weights, message):
    with pytest.raises(ConfigError, match=message):
        MixedLines(sources, weights)
