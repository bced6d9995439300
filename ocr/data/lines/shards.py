"""Lines of Parquet shards that are too many for memory, as one endless sequence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ocr.caching import Cache
from ocr.data.lines.columns import columns_of
from ocr.data.lines.manifest import expand_paths, line_of, row_of
from ocr.data.lines.sources import EndlessLines
from ocr.errors import ConfigError, DataError
from ocr.types import LineSample

_GROUPS_TAG, _LINES_TAG = 5, 6


class ParquetShards(EndlessLines):
    """Endless lines out of Parquet manifests, of which a few row groups at a time are in memory.

    Each epoch the row groups of all files are shuffled and cut into windows of `window` groups, and the lines of
    a window are shuffled. Line i depends on (seed, i) alone; hence processes, workers and resuming need nothing
    but numbers, and every line comes once an epoch. Each worker reads all windows from disk and decodes its own
    share of their lines.

    Args:
        path: a file, a glob, or a list of them, with the columns that `ParquetLines` reads.
        window: row groups shuffled together and held by each worker; more shuffle better.
        seed: of the order. normalize: bring the text to the project's normal form.
        name: shown in messages, and the source of lines that name none; default the first file's stem.

    Raises:
        DataError: no file matches, one cannot be read or lacks a column, or there is no line in them.
    """

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        window: int,
        seed: int = 0,
        normalize: bool = True,
        name: str | None = None,
    ) -> None:
        if window < 1:
            raise ConfigError(f"window must be > 0, got {window}")
        self.files = expand_paths(path)
        self.name = name or self.files[0].stem
        self.window = window
        self.seed = seed
        self.normalize = normalize
        sizes = [_group_sizes(file) for file in self.files]
        self.sizes = np.array([size for each in sizes for size in each], np.int64)
        self.groups = [(which, group) for which, each in enumerate(sizes) for group in range(len(each))]
        self.length = int(self.sizes.sum())
        if not self.length:
            raise DataError(f"{self.files[0]}: no lines")
        # Two of each: the end of one window or epoch and the start of the next meet in a pool of lines.
        self._epoch_of = Cache(self._shuffled_groups, 2)
        self._order_of = Cache(self._shuffled_lines, 2)
        self._group_of = Cache(self._read_group, 2 * self.window)

    def at(self, index: int) -> LineSample:
        """Line `index` >= 0 of the endless sequence; raises DataError if it cannot be used."""
        epoch, place = divmod(index, self.length)
        order, ends = self._epoch_of(epoch)
        number = int(np.searchsorted(ends, place, side="right"))
        offset = place - (int(ends[number - 1]) if number else 0)
        position, row = self._order_of(epoch, number)[offset]
        which, group = self.groups[order[number * self.window + position]]
        values = row_of(self._group_of(which, group), int(row), file=self.files[which])
        return line_of(values, file=self.files[which], source=self.name, normalize=self.normalize)

    def _shuffled_groups(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Row groups in the order of the epoch, and the line after the last of each window."""
        order = np.random.default_rng([self.seed, _GROUPS_TAG, epoch]).permutation(len(self.groups))
        starts = range(0, len(order), self.window)
        ends = np.cumsum([self.sizes[order[start : start + self.window]].sum() for start in starts])
        return order, ends

    def _shuffled_lines(self, epoch: int, number: int) -> np.ndarray:
        """(n, 2): which group of the window, and which row of it."""
        order, _ = self._epoch_of(epoch)
        sizes = self.sizes[order[number * self.window : (number + 1) * self.window]]
        lines = [(position, row) for position, size in enumerate(sizes) for row in range(size)]
        generator = np.random.default_rng([self.seed, _LINES_TAG, epoch, number])
        return generator.permutation(np.array(lines, np.int64))

    def _read_group(self, which: int, group: int) -> pa.Table:
        file = self.files[which]
        try:
            # A file is opened anew each time: open ones cannot be handed to worker processes.
            with pq.ParquetFile(file) as shard:
                return shard.read_row_group(group, columns=columns_of(shard.schema_arrow, file=file))
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from error


def _group_sizes(file: Path) -> list[int]:
    try:
        with pq.ParquetFile(file) as shard:
            columns_of(shard.schema_arrow, file=file)
            metadata = shard.metadata
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a readable Parquet file: {str(error).splitlines()[0]}") from error
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
