"""Speed of engines on the same images: rounds in which every task runs once, so that other work hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

if sys.platform == "win32":
    raise ImportError("processor time and memory of child processes are measured on Linux and macOS only")

_LAUNCHER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss]))
sys.exit(done.returncode)
"""
"""A small process between: the peak memory of a program counts that of the process that started it."""


@dataclass
class Task:
    """One row of a benchmark: `work` processes `count` items of the kind `group`, as `lines` or `pages`.

    `wall` and `cpu` are the seconds of each round: elapsed, and of all processors, child processes included.
    """

    group: str
    name: str
    count: int
    work: Callable[[], object]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Run once and append the times."""
        wall, cpu = time.perf_counter(), _processor_seconds()
        self.work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(_processor_seconds() - cpu)


@dataclass(frozen=True)
class Speed:
    """Medians over the rounds of a task; ratios of 2 mean twice as fast as the first task of the group.

    `ratio` and `cpu_ratio` are medians of the ratios within a round.
    """

    group: str
    name: str
    count: int
    per_second: float
    per_cpu_second: float
    ratio: float
    cpu_ratio: float


@dataclass(frozen=True)
class ChildCost:
    """Seconds and peak memory of a program from start to end."""

    wall: float
    cpu: float
    mebibytes: float


def measure_tasks(
    tasks: Sequence[Task], *, repeats: int, on_round: Callable[[int], None] = lambda number: None
) -> list[Speed]:
    """Run all tasks in turn, once to warm up and `repeats` times to measure."""
    for number in range(repeats + 1):
        for task in tasks:
            task.run()
        on_round(number)
    for task in tasks:
        del task.wall[0], task.cpu[0]
    return [_speed(task, next(first for first in tasks if first.group == task.group)) for task in tasks]


def measure_program(command: Sequence[str], *, repeats: int) -> ChildCost:
    """Run a program several times after one for warming up; medians, and the highest memory.

    Raises:
        subprocess.CalledProcessError: it fails.
    """
    costs = [_run_once(command) for _ in range(repeats + 1)][1:]
    return ChildCost(
        median(cost.wall for cost in costs),
        median(cost.cpu for cost in costs),
        max(cost.mebibytes for cost in costs),
    )


def _run_once(command: Sequence[str]) -> ChildCost:
    done = subprocess.run([sys.executable, "-c", _LAUNCHER, *command], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, list(command))
    wall, cpu, memory = json.loads(done.stdout)
    return ChildCost(wall, cpu, memory / (2**20 if sys.platform == "darwin" else 2**10))


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _speed(task: Task, first: Task) -> Speed:
    def rate(seconds: Sequence[float]) -> float:
        return task.count / max(median(seconds), 1e-9)

    def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
        scale = task.count / first.count
        return median(scale * b / max(a, 1e-9) for a, b in zip(ours, theirs, strict=True))

    return Speed(
        task.group,
        task.name,
        task.count,
        per_second=rate(task.wall),
        per_cpu_second=rate(task.cpu),
        ratio=ratio(task.wall, first.wall),
        cpu_ratio=ratio(task.cpu, first.cpu),
    )
