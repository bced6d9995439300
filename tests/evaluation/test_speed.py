import subprocess
import sys

import pytest

from ocr.evaluation.speed import Task, measure_program, measure_tasks


def test_rounds_interleave_tasks_and_leave_out_the_first():
    """A busy minute then slows all tasks, and loading of kernels is not counted."""
    order = []
    tasks = [Task("lines", name, 10, lambda name=name: order.append(name)) for name in ("a", "b")]
    speeds = measure_tasks(tasks, repeats=2)
    assert order == ["a", "b"] * 3
    assert [len(task.wall) for task in tasks] == [2, 2]
    assert speeds[0].ratio == 1


def test_ratios_count_items_and_compare_within_a_group():
    slow = Task("lines", "slow", 10, lambda: sum(range(3_000_000)))
    fast = Task("lines", "fast", 40, slow.work)
    alone = Task("pages", "alone", 1, slow.work)
    speeds = {speed.name: speed for speed in measure_tasks([slow, fast, alone], repeats=3)}
    # Four times the items by the same work; processor time is hardly disturbed by other processes.
    assert 2.5 < speeds["fast"].cpu_ratio < 6
    assert speeds["alone"].ratio == 1


def test_a_program_is_measured_with_its_memory():
    code = "x = bytearray(300 << 20); sum(range(2_000_000))"
    cost = measure_program([sys.executable, "-c", code], repeats=1)
    assert 300 < cost.mebibytes < 500
    assert 0 < cost.cpu < cost.wall * 2


def test_a_program_that_fails_is_told():
    with pytest.raises(subprocess.CalledProcessError):
        measure_program([sys.executable, "-c", "raise SystemExit(3)"], repeats=1)
