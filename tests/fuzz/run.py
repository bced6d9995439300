"""Cases by number: damaged inputs of a door, and what becomes of them."""

from __future__ import annotations

import contextlib
import io
import logging
import resource
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np

from ocr.errors import OcrError

SECONDS = 30
"""Time of the processor that a case may take; most take less than 0.1."""

MEGABYTES = 1500
"""Memory that a case may add to what the process had before."""

CASE = "case"
"""Part of the names of all damaged files, which errors have to name."""

Attempt = Callable[[np.random.Generator, list[OcrError]], None]
"""One case: damages an input and takes it through a door; raises an OcrError, or tells it by the list."""


@dataclass(frozen=True)
class Door:
    """A way in which data from outside enters the package."""

    name: str
    prepare: Callable[[Path], Attempt]
    """Takes an empty folder to work in."""
    share: int = 10
    """Of the cases, in proportion to those of the other doors."""
    named: bool = True
    """Whether an error has to name the damaged file."""


@dataclass
class Outcome:
    """Cases of a door that were accepted, refused, and neither."""

    accepted: int = 0
    refused: int = 0
    findings: list[tuple[int, str]] = field(default_factory=list)
    """Numbers of the cases, each with what went wrong."""


class _TooLongError(BaseException):
    """Not an Exception, so that nothing handles it."""


def run_cases(
    door: Door, folder: Path, *, seed: int, numbers: Iterable[int]
) -> Iterator[tuple[int, str | None]]:
    """Run cases of a door in this process.

    Yields:
        The number of each case, with `None` for an accepted one, "" for a refused one, else what went wrong.
    """
    with _small_limits(), _quiet():
        attempt = door.prepare(folder)
        for number in numbers:
            rng = np.random.default_rng([seed, sum(door.name.encode()), number])
            yield number, _run_case(door, attempt, rng)


def _run_case(door: Door, attempt: Attempt, rng: np.random.Generator) -> str | None:
    told: list[OcrError] = []
    before = _megabytes()
    try:
        with _within(SECONDS):
            attempt(rng, told)
    except OcrError as error:
        told.append(error)
    except _TooLongError:
        return f"took longer than {SECONDS} s\n{traceback.format_exc(limit=-6)}"
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - any other error is what is looked for
        return traceback.format_exc(limit=-6)
    for error in told:
        text = str(error)
        if "\n" in text or (door.named and (CASE not in text or len(text) > 2000)):
            return f"not one short line that names the file: {type(error).__name__}: {text[:400]!r}"
    if _megabytes() - before > MEGABYTES:
        return f"took {_megabytes() - before} MB"
    return "" if told else None


def summary(results: Iterable[tuple[int, str | None]]) -> Outcome:
    """Count results."""
    outcome = Outcome()
    for number, result in results:
        outcome.accepted += result is None
        outcome.refused += result == ""
        if result:
            outcome.findings.append((number, result))
    return outcome


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextlib.contextmanager
def _within(seconds: int) -> Iterator[None]:
    def end(*arguments: object) -> None:
        raise _TooLongError

    # Time of the processor, which a busy machine does not lengthen; and, for what waits, time by the clock.
    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, 10 * seconds),
    )
    former = [signal.signal(number, end) for number, _, _ in timers]
    for _, timer, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, former, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


@contextlib.contextmanager
def _small_limits() -> Iterator[None]:
    """Lower limits of pixels: a damaged size would cost time and memory here, and show nothing else."""
    with (
        mock.patch("ocr.image.page_image.MAX_PIXELS", 1_000_000),
        mock.patch("ocr.image.pdf.ENOUGH_PIXELS", 100_000),
    ):
        yield


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
