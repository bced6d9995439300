"""Grouping lines of like width, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ocr.errors import ConfigError

WIDTH_MULTIPLE = 16
"""Batches are padded to a multiple of this many columns."""


def padded(widths: np.ndarray) -> np.ndarray:
    """Widths rounded up to the batch multiple."""
    return np.ceil(np.maximum(widths, 1) / WIDTH_MULTIPLE).astype(np.int64) * WIDTH_MULTIPLE


def group_by_columns(widths: np.ndarray, *, max_columns: int, max_lines: int) -> list[np.ndarray]:
    """Indices of lines, widest first, cut into groups of at most `max_columns` padded columns and `max_lines`.

    A single line wider than `max_columns` makes a group of its own.
    """
    widths = padded(np.asarray(widths))
    order = np.argsort(-widths, kind="stable")
    return [order[start:end] for start, end in _cuts(widths[order], max_columns, max_lines)]


def balanced_groups(
    widths: np.ndarray, groups: int, *, max_lines: int, max_columns: int | None = None
) -> list[np.ndarray]:
    """Indices of lines in exactly `groups` groups of like width and about equal padded columns.

    A fixed number of groups makes the number of batches of an epoch known; equal columns make their cost and
    memory alike. Where not all lines fit into `groups` groups of `max_columns`, the last of the given order
    are left out.
    """
    widths = padded(np.asarray(widths))
    if not 0 < groups <= len(widths) <= groups * max_lines:
        raise ConfigError(f"cannot cut {len(widths)} lines into {groups} groups of 1 to {max_lines} lines")
    kept = len(widths)
    if max_columns is not None:
        kept = _largest(
            groups, kept, lambda n: _count(-np.sort(-widths[:n]), max_columns, max_lines) <= groups
        )
    order = np.argsort(-widths[:kept], kind="stable")
    ordered = widths[order]
    ceiling = int(ordered[0]) * kept
    slack = _largest(0, ceiling, lambda n: _count(ordered, ceiling - n, max_lines) <= groups)
    cuts = list(_cuts(ordered, ceiling - slack, max_lines))
    while len(cuts) < groups:
        largest = max(range(len(cuts)), key=lambda i: cuts[i][1] - cuts[i][0])
        start, end = cuts[largest]
        cuts[largest : largest + 1] = [(start, (start + end) // 2), ((start + end) // 2, end)]
    return [order[start:end] for start, end in cuts]


def _cuts(descending: np.ndarray, max_columns: int, max_lines: int) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(descending):
        size = min(max_lines, max(1, max_columns // int(descending[start])))
        yield start, min(start + size, len(descending))
        start += size


def _count(descending: np.ndarray, max_columns: int, max_lines: int) -> int:
    return sum(1 for _ in _cuts(descending, max_columns, max_lines))


def _largest(low: int, high: int, holds) -> int:
    """Largest n in [low, high] for which `holds`, which is true at `low` and monotone."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
