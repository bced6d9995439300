"""A few hundred damaged inputs through every door, always the same ones; `python -m tests.fuzz` takes 100,000."""

import pytest

from tests.fuzz.doors import DOORS
from tests.fuzz.run import run_cases, summary

CASES = 12
"""Cases for a share of one."""

ALWAYS_REFUSED = ("overrides of training",)
"""Doors of so few cases here that none may be accepted."""


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_damaged_inputs_are_accepted_or_refused_in_one_line(door, tmp_path):
    outcome = summary(run_cases(door, tmp_path, seed=1, numbers=range(max(3, round(CASES * door.share)))))
    assert not outcome.findings, "\n".join(text for _, text in outcome.findings)
    assert outcome.refused and (outcome.accepted or door.name in ALWAYS_REFUSED), (
        "both happen, or the damage is too small or too great"
    )
