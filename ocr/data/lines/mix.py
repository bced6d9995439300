"""An endless training sequence out of several sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ocr.caching import Cache
from ocr.data.lines.sources import EndlessLines, LineSource
from ocr.data.mixture import shared_out
from ocr.errors import ConfigError
from ocr.types import LineSample

_BLOCK_TAG, _ORDER_TAG, _VARY_TAG = 1, 2, 4


class MixedLines(EndlessLines):
    """Named sources mixed in given shares, each finite source once per its own epoch in shuffled order.

    Position p of the sequence depends on (seed, p) alone: no state, hence the same lines for any number of
    workers, processes and machines, and a run can continue anywhere. Positions are dealt in blocks; a block
    holds each source's exact share (up to one line, made up for later), so that the share of a source is right
    in every stretch of training and not only on average.

    Sources are numbered in the order of `sources`, which the sequence depends on: a new source goes last.

    Args:
        sources: line sources by name; None leaves one out. An endless one is read at ever new indices by `.at(i)`.
        weights: share of lines of each source, scaled to sum to 1; 0 or None leaves it out. Without `weights`
            shares are in proportion to length.
        length: number of lines per epoch; default the sum of the sources' lengths.
        seed: of the order.
        vary: `(sample, generator) -> sample`, run on every line with the generator of its position.

    Raises:
        ConfigError: no source is in use, a name or weight is wrong (see `shared_out`), or `length` is not > 0.
    """

    def __init__(
        self,
        sources: Mapping[str, LineSource | None],
        weights: Mapping[str, float | None] | None = None,
        *,
        length: int | None = None,
        seed: int = 0,
        name: str = "mix",
        vary: Callable[[LineSample, np.random.Generator], LineSample] | None = None,
    ) -> None:
        used, self.shares = shared_out(sources, weights)
        self.names = list(used)
        self.sources = list(used.values())
        self.length = sum(len(source) for source in self.sources) if length is None else length
        if self.length <= 0:
            raise ConfigError(f"length must be > 0, got {self.length}")
        self.seed = seed
        self.name = name
        self.vary = vary
        # The heaviest source absorbs the rounding of all others, at most one line each per block.
        self.block = max(256, 2 * len(self.sources) ** 2)
        self._block_of = Cache(self._deal_block, 64)
        self._order_of = Cache(self._shuffle_source, 4 * len(self.sources))

    def at(self, position: int) -> LineSample:
        """Return the line at `position` >= 0 of the endless sequence."""
        which, index = self.locate(position)
        source = self.sources[which]
        sample = source.at(index) if source.endless else source[index]
        if self.vary is None:
            return sample
        return self.vary(sample, np.random.default_rng([self.seed, _VARY_TAG, position]))

    def locate(self, position: int) -> tuple[int, int]:
        """Return (number of the source, index inside it) of `position`."""
        block, offset = divmod(position, self.block)
        sources, ordinals = self._block_of(block)
        which, ordinal = int(sources[offset]), int(ordinals[offset])
        if self.sources[which].endless:
            return which, ordinal
        epoch, rank = divmod(ordinal, len(self.sources[which]))
        return which, int(self._order_of(which, epoch)[rank])

    def widths(self) -> np.ndarray:
        """Return (length,) float64 width / height of the first epoch; NaN where unknown."""
        known = [None if source.endless else source.widths() for source in self.sources]
        result = np.full(self.length, np.nan)
        for index in range(self.length):
            which, item = self.locate(index)
            if known[which] is not None:
                result[index] = known[which][item]
        return result

    def _dealt(self, blocks: int) -> list[int]:
        """Count the lines of each source in the first `blocks` blocks; Python integers, exact at any position."""
        counts = [int(blocks * self.block * share) for share in self.shares.tolist()]
        heaviest = int(self.shares.argmax())
        counts[heaviest] += blocks * self.block - sum(counts)
        return counts

    def _deal_block(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        first, last = self._dealt(block), self._dealt(block + 1)
        sources = np.repeat(np.arange(len(self.sources)), [b - a for a, b in zip(first, last, strict=True)])
        sources = np.random.default_rng([self.seed, _BLOCK_TAG, block]).permutation(sources)
        # Each source is read in order, so that its epochs do not run into one another.
        ordinals = np.empty(self.block, np.int64)
        for which, (start, end) in enumerate(zip(first, last, strict=True)):
            ordinals[sources == which] = np.arange(start, end)
        return sources, ordinals

    def _shuffle_source(self, which: int, epoch: int) -> np.ndarray:
        generator = np.random.default_rng([self.seed, _ORDER_TAG, which, epoch])
        return generator.permutation(len(self.sources[which]))
