"""Interface of sources of line images, and combinations of sources."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from ocr.errors import ConfigError, DataError
from ocr.types import LineSample

log = logging.getLogger(__name__)


@runtime_checkable
class LineSource(Protocol):
    """Labeled line images by index.

    `source[i]` raises DataError, naming the file and the row, where row i cannot be used. An `endless` source is an
    `EndlessLines`, or offers the same.
    """

    name: str
    endless: bool

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> LineSample: ...

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height of each line without decoding it; NaN where unknown."""
        ...


def warn(problem: DataError) -> None:
    """Log a file or line that is left out."""
    log.warning("left out: %s", problem)


def comparable_name(name: str) -> str:
    """A file name as file systems compare them that know no case, in one Unicode form, with `/` between folders."""
    return unicodedata.normalize("NFC", name).replace("\\", "/").casefold()


class EndlessLines:
    """A source without a last line: `at(i)` takes any i >= 0, and `length` is what `len` and validation go by."""

    endless = True
    name: str
    length: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> LineSample:
        """Return line `index` of the first `length`."""
        if not 0 <= index < self.length:
            raise IndexError(f"{self.name}: index {index} of {self.length} lines")
        return self.at(index)

    def at(self, index: int) -> LineSample:
        """Return line `index` >= 0 of the endless sequence. Raises DataError if it cannot be used."""
        raise NotImplementedError

    def widths(self) -> np.ndarray:
        """(len,) NaN: widths are not known before lines are drawn or read."""
        return np.full(self.length, np.nan)


class ConcatLines:
    """Several sources one after the other."""

    endless = False

    def __init__(self, sources: Sequence[LineSource], *, name: str = "") -> None:
        self.sources = list(sources)
        self.name = name or "+".join(source.name for source in self.sources)
        self.ends = np.cumsum([len(source) for source in self.sources])

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, index: int) -> LineSample:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name}: index {index} of {len(self)} lines")
        which = int(np.searchsorted(self.ends, index, side="right"))
        return self.sources[which][index - (int(self.ends[which - 1]) if which else 0)]

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height of each line; NaN where unknown."""
        return np.concatenate([np.zeros(0), *(source.widths() for source in self.sources)])


class FirstLines:
    """The first `count` lines of a source, read once and kept: a finite set, also of an endless source.

    Raises ConfigError if the source is shorter.
    """

    endless = False

    def __init__(self, source: LineSource, *, count: int) -> None:
        if not 0 < count <= len(source):
            raise ConfigError(f"cannot take {count} lines of {source.name}, which has {len(source)}")
        self.name = source.name
        self.lines = [source[index] for index in range(count)]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> LineSample:
        return self.lines[index]

    def widths(self) -> np.ndarray:
        """(n,) width over height."""
        return np.array([line.image.shape[1] / line.image.shape[0] for line in self.lines])


class SelectedLines:
    """Some lines of a source, by their numbers in it."""

    endless = False

    def __init__(self, source: LineSource, rows: Sequence[int]) -> None:
        self.source, self.rows, self.name = source, list(rows), source.name

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> LineSample:
        return self.source[self.rows[index]]

    def widths(self) -> np.ndarray:
        """(n,) width over height."""
        return self.source.widths()[self.rows]
