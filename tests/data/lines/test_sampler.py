import numpy as np
import pytest

from ocr.data.lines.sampler import balanced_groups, group_by_columns, padded
from ocr.errors import ConfigError

WIDTHS = np.random.default_rng(0).gamma(3, 150, 256).clip(16, 1500)


def _columns(widths, group):
    return padded(widths[group]).max() * len(group)


def test_groups_respect_both_limits_and_hold_every_line_once():
    groups = group_by_columns(WIDTHS, max_columns=4000, max_lines=12)
    assert sorted(np.concatenate(groups).tolist()) == list(range(256))
    assert all(_columns(WIDTHS, g) <= 4000 and len(g) <= 12 for g in groups)


@pytest.mark.parametrize(
    ("widths", "groups", "reason"),
    [
        (WIDTHS, 8, "varied"),
        (np.full(256, 100.0), 8, "all alike"),
        (np.r_[np.full(255, 16.0), 1500], 8, "one giant among dwarfs"),
        (WIDTHS[:8], 8, "one line each"),
        (WIDTHS, 1, "a single batch"),
    ],
)
def test_balanced_groups_are_exactly_so_many(widths, groups, reason):
    result = balanced_groups(widths, groups, max_lines=len(widths))
    assert len(result) == groups and all(len(g) for g in result), reason
    assert sorted(np.concatenate(result).tolist()) == list(range(len(widths)))


def test_balanced_groups_cost_about_the_same():
    columns = [_columns(WIDTHS, g) for g in balanced_groups(WIDTHS, 8, max_lines=128)]
    assert max(columns) < 1.15 * np.mean(columns)


def test_balanced_groups_leave_out_what_does_not_fit():
    result = balanced_groups(WIDTHS, 8, max_lines=64, max_columns=8000)
    assert len(result) == 8
    assert all(_columns(WIDTHS, g) <= 8000 for g in result)
    kept = np.concatenate(result)
    assert sorted(kept.tolist()) == list(range(len(kept))), "the last lines go, not the widest"
    assert len(kept) > 64


def test_balanced_groups_refuse_the_impossible():
    with pytest.raises(ConfigError, match="3 lines into 4 groups"):
        balanced_groups(np.ones(3), 4, max_lines=9)
