"""Training batches as one endless, numbered sequence that can be resumed anywhere."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator

import cv2
import torch
from torch.utils.data import DataLoader

from ocr.data.lines.collate import LineCollate
from ocr.data.lines.mix import MixedLines
from ocr.data.lines.pools import LinePools, Pool, PoolCursor, Stretching
from ocr.errors import ConfigError
from ocr.types import LineBatch

log = logging.getLogger(__name__)


class TrainingStream:
    """Endless training batches; an epoch is a fixed number of them.

    The sequence of batches is the same for any number of workers. In distributed training each process takes
    every `world_size`-th pool; all of them take the same number of batches, and a run resumed with another number
    of processes leaves out no line and repeats none. Iterating goes on where the last iteration stopped, and
    `state_dict` counts the batches handed to the trainer (not those that workers have prepared), so that a run
    resumed from any checkpoint sees exactly the batches that the uninterrupted run would have seen.

    Unusable lines are replaced by a neighbor, with one warning each; `skipped` counts them.

    Args:
        lines: the endless sequence of lines.
        lines_per_batch: lines of a batch on average; narrow lines come in larger batches.
        pool: lines sorted by width together; a multiple of `lines_per_batch`.
        max_columns: most padded columns of a batch; where lines do not fit, some of the pool are left out.
        equal_lines: every batch holds exactly `lines_per_batch` lines instead of about equal columns. Few
            distinct batch shapes make training on a CPU twice as fast, whose kernels are built for each shape.
        augment: what lines will go through; those of a batch are then of like width after it. Without, they are
            before it, and a quarter of an augmented batch is padding.
        num_workers: processes that read and preprocess; 0 for none.
        in_flight: batches handed out whose step is not done, asked when the state is saved.
    """

    def __init__(
        self,
        lines: MixedLines,
        collate: LineCollate,
        *,
        lines_per_batch: int,
        pool: int,
        max_columns: int | None = None,
        equal_lines: bool = False,
        augment: Stretching | None = None,
        num_workers: int = 1,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        in_flight: Callable[[], int] = lambda: 0,
    ) -> None:
        batching = {
            "pool": pool,
            "lines_per_batch": lines_per_batch,
            "max_columns": max_columns,
            "equal_lines": equal_lines,
        }
        _check(**batching, widest=collate.preprocess.max_width)
        self.collate = collate
        self.pools = LinePools(lines, collate, **batching, seed=seed, augment=augment)
        self.length = max(1, round(len(lines) / (lines_per_batch * world_size)))
        self.num_workers = num_workers
        self.rank = rank
        self.world_size = world_size
        self.in_flight = in_flight
        self.layout = {"seed": seed, **batching, "world_size": world_size}
        self.base = PoolCursor({}, 0)
        self.consumed = 0
        self.skipped = 0
        self._batches: Iterator[LineBatch] | None = None
        self._warned: set[str] = set()

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return self.length

    def __iter__(self) -> Iterator[LineBatch]:
        for _ in range(self.length):
            if self._batches is None:
                self._batches = self._from(self.consumed)
            batch = next(self._batches)
            self.consumed += 1
            yield batch

    def state_dict(self) -> dict:
        """Return the position in the data, for a checkpoint."""
        state = {"consumed": self.consumed - self.in_flight(), "skipped": self.skipped, **self.layout}
        return state | {"opened": self.base.opened, "fresh": self.base.fresh}

    def load_state_dict(self, state: dict) -> None:
        """Continue after the batches that `state` counts.

        With another number of processes the lines that follow are those that no process had taken; with any
        other change of layout it continues at about the same line.
        """
        changed = {key: value for key, value in self.layout.items() if state.get(key, value) != value}
        base = PoolCursor(state.get("opened", {}), state.get("fresh", 0))
        consumed = state["consumed"]
        if changed:
            whole = state["pool"] // state["lines_per_batch"]
            base, consumed = base.after(consumed, world_size=state["world_size"], batches=whole), 0
        if changed.keys() - {"world_size"}:
            log.warning("training batches are laid out anew (%s): resuming at about the same line", changed)
            left = sum(whole - taken for taken in base.opened.values())
            lines = base.fresh * state["pool"] - left * state["lines_per_batch"]
            pool, rest = divmod(lines, self.pools.pool)
            taken = round(rest / self.layout["lines_per_batch"])
            base = PoolCursor({pool: taken} if taken < self.pools.batches else {}, pool + 1)
        if (base, consumed) != (self.base, self.consumed):
            self.close()
        self.base, self.consumed, self.skipped = base, consumed, state["skipped"]

    def close(self) -> None:
        """End the worker processes; the next iteration starts new ones."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def _from(self, start: int) -> Iterator[LineBatch]:
        place = {"rank": self.rank, "world_size": self.world_size, "batches": self.pools.batches}
        numbers = (pool for pool, _ in self.base.pools(start, **place))
        loader = DataLoader(
            self.pools,
            batch_size=None,
            sampler=numbers,
            collate_fn=_unchanged,
            num_workers=self.num_workers,
            worker_init_fn=one_thread,
        )
        offsets = (taken for _, taken in self.base.pools(start, **place))
        for pool, offset in zip(loader, offsets, strict=False):
            self._report(pool.skipped)
            for samples in pool.batches[offset:]:
                yield self.collate.join(samples)

    def _report(self, skipped: list[str]) -> None:
        self.skipped += len(skipped)
        for message in skipped:
            if message not in self._warned:
                self._warned.add(message)
                log.warning("line skipped: %s", message)


def _check(
    *, pool: int, lines_per_batch: int, max_columns: int | None, equal_lines: bool, widest: int
) -> None:
    """Raise ConfigError for settings of batches that do not fit each other, or lines of `widest` columns."""
    if lines_per_batch <= 0 or pool <= 0 or pool % lines_per_batch:
        raise ConfigError(
            f"pool must be a multiple of lines_per_batch, both > 0, got {pool} and {lines_per_batch}"
        )
    if max_columns is not None and max_columns < widest:
        raise ConfigError(f"max_columns must hold one line of {widest} columns, got {max_columns}")
    if equal_lines and max_columns is not None:
        raise ConfigError(f"equal_lines leaves no room for max_columns={max_columns}: give one of them")


def one_thread(worker: int) -> None:
    """Workers are the parallelism; threads inside them would only compete, as would they with the training."""
    os.nice(5)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    if sys.platform == "linux":
        # Where the training is killed, a worker would wait forever for someone to take its last pool.
        die_with_parent = 1
        ctypes.CDLL(None).prctl(die_with_parent, signal.SIGKILL)


def _unchanged(pool: Pool) -> Pool:
    return pool
