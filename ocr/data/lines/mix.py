"""One endless training sequence out of several sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from ocr.data.lines.sources import LineSource
from ocr.errors import ConfigError
from ocr.types import LineSample

_BLOCK_TAG, _ORDER_TAG, _VARY_TAG = 1, 2, 4


class MixedLines:
    """Draws from sources in given shares, each finite source once per its own epoch in shuffled order.

    Position p of the sequence depends on (seed, p) alone: no state, hence the same lines for any number of
    workers, processes and machines, and a run can continue anywhere. Positions are dealt in blocks; a block
    holds each source's exact share (up to one line, made up for later), so that the share of a source is right
    in every stretch of training and not only on average.

    Args:
        sources: line sources; one with `endless = True` (synthetic) is read at ever new indices by `.at(i)`.
        weights: share of lines for each source; scaled to sum to 1. None: in proportion to length.
        length: number of lines called an epoch; default the sum of the sources' lengths.
        seed: of the order.
        vary: `(sample, generator) -> sample`, run on every line with the generator of its position.
    """

    endless = True

    def __init__(
        self,
        sources: Sequence[LineSource],
        weights: Sequence[float] | None = None,
        *,
        length: int | None = None,
        seed: int = 0,
        name: str = "mix",
        vary: Callable[[LineSample, np.random.Generator], LineSample] | None = None,
    ) -> None:
        self.sources = list(sources)
        if not self.sources:
            raise ConfigError("a mix needs at least one source")
        shares = np.asarray([len(s) for s in self.sources] if weights is None else list(weights), np.float64)
        if len(shares) != len(self.sources):
            raise ConfigError(f"{len(shares)} weights given for {len(self.sources)} sources")
        if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
            raise ConfigError(f"weights must be finite, >= 0 and not all 0, got {shares.tolist()}")
        for source, share in zip(self.sources, shares, strict=True):
            if share > 0 and not len(source):
                raise ConfigError(f"{source.name} is empty but has weight {share}")
        self.shares = shares / shares.sum()
        self.length = sum(len(source) for source in self.sources) if length is None else length
        if self.length <= 0:
            raise ConfigError(f"length must be > 0, got {self.length}")
        self.seed = seed
        self.name = name
        self.vary = vary
        self.epoch = 0
        # The heaviest source absorbs the rounding of all others, at most one line each a block.
        self.block = max(256, 2 * len(self.sources) ** 2)
        self._block_of = lru_cache(maxsize=64)(self._deal_block)
        self._order_of = lru_cache(maxsize=4 * len(self.sources))(self._shuffle_source)

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key not in ("_block_of", "_order_of")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._block_of = lru_cache(maxsize=64)(self._deal_block)
        self._order_of = lru_cache(maxsize=4 * len(self.sources))(self._shuffle_source)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> LineSample:
        """Line `index` of the current epoch."""
        if not 0 <= index < self.length:
            raise IndexError(f"{self.name}: index {index} of {self.length} lines")
        return self.at(self.epoch * self.length + index)

    def set_epoch(self, epoch: int) -> None:
        """Shift indices by whole epochs, so that a new epoch reads new lines."""
        self.epoch = epoch

    def at(self, position: int) -> LineSample:
        """Line at `position` >= 0 of the endless sequence."""
        which, index = self.locate(position)
        source = self.sources[which]
        sample = source.at(index) if getattr(source, "endless", False) else source[index]
        if self.vary is None:
            return sample
        return self.vary(sample, np.random.default_rng([self.seed, _VARY_TAG, position]))

    def locate(self, position: int) -> tuple[int, int]:
        """(number of the source, index inside it) of `position`."""
        block, offset = divmod(position, self.block)
        sources, ordinals = self._block_of(block)
        which, ordinal = int(sources[offset]), int(ordinals[offset])
        if getattr(self.sources[which], "endless", False):
            return which, ordinal
        epoch, rank = divmod(ordinal, len(self.sources[which]))
        return which, int(self._order_of(which, epoch)[rank])

    def widths(self) -> np.ndarray:
        """(length,) float64 of the current epoch; NaN for synthetic lines."""
        known = [None if getattr(s, "endless", False) else s.widths() for s in self.sources]
        result = np.full(self.length, np.nan)
        for index in range(self.length):
            which, item = self.locate(self.epoch * self.length + index)
            if known[which] is not None:
                result[index] = known[which][item]
        return result

    def _dealt(self, blocks: int) -> list[int]:
        """Lines of each source in the first `blocks` blocks; Python integers, exact at any position."""
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
