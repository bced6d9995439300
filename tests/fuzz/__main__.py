"""Take damaged inputs through every door, and report whatever is not success or one of the project's errors.

    python -m tests.fuzz                                  # 100,000 cases
    python -m tests.fuzz --count 2000 --seed 7
    python -m tests.fuzz --door documents --only 4711     # one case again, in this process

Each door is run in a process of its own; where that ends (a crash, a case that nothing ends) or takes too much
memory, the case counts as a finding and the next one begins in a new process. Exit status: 0, or 1 with findings.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.run import MEGABYTES, SECONDS, Door, Outcome, run_cases


def main() -> int:
    """Run the program; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="cases over all doors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--door", help="this one alone, with all of the cases")
    parser.add_argument("--only", type=int, help="with --door: this case alone")
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    from tests.fuzz.doors import DOORS

    doors = [door for door in DOORS if options.door in (None, door.name)]
    if not doors:
        parser.error(f"--door: one of {', '.join(door.name for door in DOORS)}")
    if options.first is not None:
        _work(doors[0], seed=options.seed, numbers=range(options.first, options.count))
        return 0
    if options.only is not None:
        with tempfile.TemporaryDirectory() as folder:
            for _, result in run_cases(doors[0], Path(folder), seed=options.seed, numbers=[options.only]):
                print({None: "accepted", "": "refused"}.get(result, result))
        return 0
    total = sum(door.share for door in doors)
    found = 0
    for door in doors:
        start = time.monotonic()
        outcome = _run_door(door, seed=options.seed, count=max(1, round(options.count * door.share / total)))
        found += len(outcome.findings)
        print(
            f"{door.name}: {outcome.accepted} accepted, {outcome.refused} refused, "
            f"{len(outcome.findings)} findings, {time.monotonic() - start:.0f} s",
            flush=True,
        )
        for number, text in outcome.findings[:20]:
            print(f"--- case {number}\n{text}", flush=True)
    return 1 if found else 0


def _run_door(door: Door, *, seed: int, count: int) -> Outcome:
    outcome, first = Outcome(), 0
    while first < count:
        number = first
        for number, result in _worker(door, seed=seed, first=first, count=count):
            outcome.accepted += result is None
            outcome.refused += result == ""
            if result:
                outcome.findings.append((number, result))
        first = number + 1
    return outcome


def _worker(door: Door, *, seed: int, first: int, count: int) -> Iterator[tuple[int, str | None]]:
    """Yield the results of a process; where it ends early, the case that it was at is the last one."""
    command = [sys.executable, "-m", "tests.fuzz", "--door", door.name, "--seed", str(seed)]
    command += ["--count", str(count), "--first", str(first)]
    number = first - 1
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        for line in process.stdout:
            number, result = json.loads(line)
            yield number, result
        if process.wait():
            errors.seek(0)
            yield number + 1, f"the process ended with {process.returncode}\n{errors.read()[-1500:].decode()}"


def _work(door: Door, *, seed: int, numbers: range) -> None:
    """Run cases and print each result as a line of JSON; ends the process where a case does not end or grows."""
    with tempfile.TemporaryDirectory() as folder:
        for number, result in run_cases(door, Path(folder), seed=seed, numbers=numbers):
            if number == numbers.start:
                _limit_memory()
            print(json.dumps([number, result]), flush=True)
            # For what no signal interrupts.
            faulthandler.dump_traceback_later(12 * SECONDS, exit=True, file=sys.__stderr__)
    faulthandler.cancel_dump_traceback_later()


def _limit_memory() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2 * MEGABYTES * 2**20, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())
