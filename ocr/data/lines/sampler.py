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


class WidthBucketSampler:
    """Batches of indices of lines with known widths: a `batch_sampler` for a plain torch DataLoader.

    Lines are shuffled by (seed, epoch), cut into pools, each pool sorted by width and cut into batches, and
    the batches shuffled. Without shuffling, all lines are sorted by width, widest first, so that a batch that
    does not fit into memory shows at once. Resumable: `state_dict` counts the batches handed out.

    Args:
        widths: (n,) widths in any unit that `max_columns` shares; NaN counts as the median.
        max_columns: most padded columns of a batch. max_lines: most lines of a batch.
        pool: lines sorted together. shuffle: False for evaluation.
    """

    def __init__(
        self,
        widths: np.ndarray,
        *,
        max_columns: int,
        max_lines: int,
        seed: int = 0,
        pool: int = 512,
        shuffle: bool = True,
    ) -> None:
        widths = np.asarray(widths, np.float64)
        if max_columns <= 0 or max_lines <= 0 or pool <= 0:
            raise ConfigError(
                f"max_columns, max_lines and pool must be > 0, got {max_columns}, {max_lines}, {pool}"
            )
        known = widths[~np.isnan(widths)]
        self.widths = np.where(np.isnan(widths), np.median(known) if len(known) else 1.0, widths)
        self.max_columns = max_columns
        self.max_lines = max_lines
        self.seed = seed
        self.pool = pool
        self.shuffle = shuffle
        self.epoch = 0
        self.emitted = 0
        self._cached: tuple[int, list[list[int]]] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; from its first batch on if it is another than the present one."""
        if epoch != self.epoch:
            self.epoch, self.emitted = epoch, 0

    def __len__(self) -> int:
        """Batches of the current epoch."""
        return len(self._batches())

    def __iter__(self) -> Iterator[list[int]]:
        batches = self._batches()
        if self.emitted >= len(batches):
            self.emitted = 0
        while self.emitted < len(batches):
            self.emitted += 1
            yield batches[self.emitted - 1]

    def state_dict(self) -> dict[str, int]:
        """Return the position in the data, for a checkpoint."""
        return {"epoch": self.epoch, "emitted": self.emitted}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue at the position of a checkpoint."""
        self.epoch, self.emitted = state["epoch"], state["emitted"]

    def _batches(self) -> list[list[int]]:
        if self._cached is None or self._cached[0] != self.epoch:
            self._cached = self.epoch, self._plan()
        return self._cached[1]

    def _plan(self) -> list[list[int]]:
        count = len(self.widths)
        if not self.shuffle:
            return self._cut(np.arange(count))
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(count)
        batches = [
            b for start in range(0, count, self.pool) for b in self._cut(order[start : start + self.pool])
        ]
        return [batches[i] for i in generator.permutation(len(batches))]

    def _cut(self, indices: np.ndarray) -> list[list[int]]:
        groups = group_by_columns(
            self.widths[indices], max_columns=self.max_columns, max_lines=self.max_lines
        )
        return [indices[group].tolist() for group in groups]
