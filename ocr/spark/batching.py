"""Work on many pages at once in which a failure costs only its own page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from ocr.spark.worker import FAILURES, reason

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """One line that says why a page has no result."""

    reason: str


def attempt(function: Callable[[list[Item]], list[Result]], items: list[Item]) -> list[Result | Failure]:
    """Apply `function` to all items at once or, if that fails, to each item, to find the one at fault."""
    if not items:
        return []
    try:
        return list(function(items))
    except FAILURES as error:
        if len(items) == 1:
            return [Failure(reason(error))]
    return [result for item in items for result in attempt(function, [item])]


def grouped(items: Iterable[Item], *, weight: Callable[[Item], float], limit: float) -> Iterator[list[Item]]:
    """Yield lists of successive items, each complete as soon as the weights in it add up to `limit`."""
    group: list[Item] = []
    total = 0.0
    for item in items:
        group.append(item)
        total += weight(item)
        if total >= limit:
            yield group
            group, total = [], 0.0
    if group:
        yield group
