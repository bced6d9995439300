"""Lines preprocessed in numbered pools, dealt out in batches of like width, and a cursor over the pools."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from torch.utils.data import Dataset

from ocr.data.lines.collate import LineCollate
from ocr.data.lines.mix import MixedLines
from ocr.data.lines.sampler import balanced_groups
from ocr.errors import DataError, OcrError
from ocr.types import LineSample

_POOL_TAG, _STRETCH_TAG = 3, 5


@dataclass
class Pool:
    """Lines preprocessed together, in batches of like width, and what had to be left out."""

    batches: list[list[LineSample]]
    skipped: list[str]


class Stretching(Protocol):
    """An augmentation whose change of the width of a line can be drawn in advance."""

    def draw_stretch(self, rng: np.random.Generator) -> float | None:
        """Draw the factor of the width; None for an augmentation without one."""
        ...


class LinePools(Dataset):
    """Pool k is a pure function of (lines, seed, k): positions [k * pool, (k + 1) * pool) of the sequence."""

    def __init__(
        self,
        lines: MixedLines,
        collate: LineCollate,
        *,
        pool: int,
        lines_per_batch: int,
        seed: int,
        max_columns: int | None = None,
        equal_lines: bool = False,
        augment: Stretching | None = None,
    ) -> None:
        self.lines = lines
        self.augment = augment
        self.collate = collate
        self.pool = pool
        self.batches = pool // lines_per_batch
        self.max_lines = 4 * lines_per_batch
        self.seed = seed
        self.max_columns = max_columns
        self.equal_lines = equal_lines

    def __getitem__(self, index: int) -> Pool:
        """Return pool `index`. Raises DataError if not one of its lines can be used."""
        prepared: list[LineSample | None] = []
        skipped: list[str] = []
        for position in range(index * self.pool, (index + 1) * self.pool):
            try:
                prepared.append(self._prepare(position))
            except OcrError as error:
                prepared.append(None)
                skipped.append(str(error))
        if len(skipped) == self.pool:
            raise DataError(f"{self.pool} lines in a row cannot be used, the last: {skipped[-1]}")
        # An unusable line is replaced by the usable one before it, so that every pool has its full size.
        usable = [sample for sample in prepared if sample is not None]
        previous = usable[-1]
        samples = [previous := sample or previous for sample in prepared]
        widths = np.array([round(sample.image.shape[1] * (sample.stretch or 1)) for sample in samples])
        if self.equal_lines:
            groups = np.split(np.argsort(-widths, kind="stable"), self.batches)
        else:
            groups = balanced_groups(
                widths, self.batches, max_lines=self.max_lines, max_columns=self.max_columns
            )
        order = np.random.default_rng([self.seed, _POOL_TAG, index]).permutation(len(groups))
        return Pool([[samples[i] for i in groups[g]] for g in order], skipped)

    def _prepare(self, position: int) -> LineSample:
        sample = self.collate.prepare(self.lines.at(position))
        if self.augment is None:
            return sample
        rng = np.random.default_rng([self.seed, _STRETCH_TAG, position])
        return replace(sample, stretch=self.augment.draw_stretch(rng))


@dataclass(frozen=True)
class PoolCursor:
    """Used-up part of the numbered pools, independent of the number of processes.

    `opened`: batches taken of each pool before `fresh` that is not used up. `fresh`: from here on all is new.
    """

    opened: dict[int, int]
    fresh: int

    def pools(self, skip: int, *, rank: int, world_size: int, batches: int) -> Iterator[tuple[int, int]]:
        """Iterate without end over (pool, batches of it to pass over) of a process that took `skip` batches."""
        numbers = itertools.chain(sorted(self.opened), itertools.count(self.fresh))
        for pool in itertools.islice(numbers, rank, None, world_size):
            taken = self.opened.get(pool, 0)
            passed = min(skip, batches - taken)
            skip -= passed
            if taken + passed < batches:
                yield pool, taken + passed

    def after(self, consumed: int, *, world_size: int, batches: int) -> PoolCursor:
        """Return the cursor after `world_size` processes took `consumed` batches each; a pool has `batches`."""
        place = {"world_size": world_size, "batches": batches}
        reached = [next(self.pools(consumed, rank=rank, **place)) for rank in range(world_size)]
        fresh = max(self.fresh, max(reached)[0] + 1)
        opened = {}
        for order, pool in enumerate([*sorted(self.opened), *range(self.fresh, fresh)]):
            current, taken = reached[order % world_size]
            if pool >= current:
                opened[pool] = taken if pool == current else self.opened.get(pool, 0)
        return PoolCursor(opened, fresh)
