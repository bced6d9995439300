"""Pen strokes with their text, as `ocr convert unipen` writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ocr.errors import DataError
from ocr.tables import check_filled, read_columns
from ocr.text.charset import DEFAULT_CHARACTERS
from ocr.text.normalize import normalize

NUMBERS = ("slope", "dx", "dy", "points")
UNITS_PER_X_HEIGHT = 64
"""Units of the stored coordinates in one x-height."""
COLUMNS = {
    **dict.fromkeys(("writer", "donor", "text", "split"), pa.string()),
    "slope": pa.float32(),
    **dict.fromkeys(("dx", "dy"), pa.list_(pa.int16())),
    "points": pa.list_(pa.int16()),
}
"""Columns of a file of strokes, and what they hold."""
MAX_EXTENT = 6.0
"""X-heights above or below the baseline; strokes that reach farther have a wrong estimate of the x-height."""
_TALL = frozenset("bdfhkltABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_SMALL = frozenset("aceimnorsuvwxzgjpqy")


@dataclass(frozen=True)
class Strokes:
    """Pen strokes of a text.

    Coordinates are in x-heights, y down, with the baseline at y = 0 and the left end of the ink at x = 0.
    """

    points: np.ndarray
    """(n, 2) float32 pen positions, stroke after stroke."""
    starts: np.ndarray
    """(s,) int64 index of the first point of each stroke; starts[0] == 0."""

    @property
    def left(self) -> float:
        """Smallest x."""
        return float(self.points[:, 0].min())

    @property
    def right(self) -> float:
        """Largest x."""
        return float(self.points[:, 0].max())

    @property
    def stroke_of_point(self) -> np.ndarray:
        """(n,) int64 index of the stroke that each point belongs to."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self.points)))

    def scaled(self, factor: float) -> Strokes:
        """The strokes enlarged about the left end of the baseline."""
        return replace(self, points=self.points * np.float32(factor))

    def leaned(self, slant: float) -> Strokes:
        """The strokes sheared about the baseline: `slant` x-heights to the right per x-height upwards."""
        points = self.points.copy()
        points[:, 0] -= np.float32(slant) * points[:, 1]
        return replace(self, points=points)

    def moved(self, x: float, y: float = 0.0) -> Strokes:
        """The strokes shifted by (x, y)."""
        return replace(self, points=self.points + np.array([x, y], np.float32))


def clean_label(text: str) -> str:
    """A label without the spaces that some donors put around marks; empty where it stays unclear what they mean."""
    text = normalize(text)
    text = re.sub(r"(?<=[a-z]) ' (?=(?:s|t|d|m|re|ve|ll)\b)", "'", text)
    text = re.sub(r"(?<=\w) -$", "-", text)
    return "" if re.search(r"(^|\s)[\"'](\s|$)", text) else text


def is_tall(text: str) -> bool:
    """Tell whether a text has letters or digits that rise above the x-height."""
    return not _TALL.isdisjoint(text)


def join(parts: Sequence[Strokes]) -> Strokes:
    """Join the strokes of `parts`, in order."""
    offsets = np.cumsum([0, *(len(part.points) for part in parts[:-1])])
    return Strokes(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.starts + offset for part, offset in zip(parts, offsets, strict=True)]),
    )


class StrokeTable:
    """Rows of one Parquet file of strokes, filtered by split and by plausibility.

    Args:
        path: file with the columns `COLUMNS`.
        split: keep rows of this split only: `train`, `val` or `test`.
        exclude_donors: donors whose rows are left out.
    Raises:
        DataError: the file cannot be read, lacks a column, has values of another type or pen positions that are not
            told apart, or no row is left.
    """

    extra_columns: Mapping[str, pa.DataType] = {}
    """Further columns that a file must have, and what they hold."""

    def __init__(self, path: str | Path, *, split: str, exclude_donors: Sequence[str] = ()) -> None:
        self.path = Path(path)
        table = read_columns(self.path, COLUMNS | self.extra_columns)
        check_filled(self.path, table, *NUMBERS, *self.extra_columns)
        keep = np.array(
            [
                row_split == split and donor not in exclude_donors
                for row_split, donor in zip(
                    table.column("split").to_pylist(), table.column("donor").to_pylist(), strict=True
                )
            ],
            bool,
        )
        table = table.filter(pa.array(keep)).combine_chunks()
        self.texts = [clean_label(text or "") for text in table.column("text").to_pylist()]
        self.writers = table.column("writer").to_pylist()
        self.table = table
        self._slopes = table.column("slope").to_numpy()
        self._dx, self._ends = self.flat("dx")
        self._dy, self._dy_ends = self.flat("dy")
        self._points, self._stroke_ends = self.flat("points")
        self._check_lengths()
        self.tops, bottoms = self._extents()
        self.rows = [row for row in range(table.num_rows) if self._usable(row, bottoms[row])]
        if not self.rows:
            raise DataError(f"{path}: no usable strokes of split {split!r}")

    def __len__(self) -> int:
        return len(self.rows)

    def flat(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of a list column of all rows, and (rows + 1,) where the list of each row starts and ends."""
        chunked = self.table.column(column)
        array = chunked.chunk(0) if chunked.num_chunks else pa.array([], chunked.type)
        return array.values.to_numpy(zero_copy_only=False).copy(), array.offsets.to_numpy().astype(np.int64)

    def strokes(self, row: int) -> Strokes:
        """Strokes of a row of the table, with the slope of the baseline taken out."""
        span = slice(self._ends[row], self._ends[row + 1])
        x = np.cumsum(self._dx[span], dtype=np.float32)
        y = np.cumsum(self._dy[span], dtype=np.float32)
        y -= np.float32(self._slopes[row]) * x
        x -= x.min()
        counts = self._points[self._stroke_ends[row] : self._stroke_ends[row + 1]]
        points = np.stack([x, y], axis=1) / np.float32(UNITS_PER_X_HEIGHT)
        return Strokes(points, np.concatenate(([0], np.cumsum(counts[:-1], dtype=np.int64))))

    def by_writer(self) -> dict[str, list[int]]:
        """Usable rows of each writer."""
        rows: dict[str, list[int]] = {}
        for row in self.rows:
            rows.setdefault(self.writers[row], []).append(row)
        return rows

    def median_tops(self) -> dict[tuple[str, bool], float]:
        """Median height of the ink over the baseline for each (writer, whether the text has tall letters)."""
        tops: dict[tuple[str, bool], list[float]] = {}
        for row in self.rows:
            tops.setdefault((self.writers[row], is_tall(self.texts[row])), []).append(float(self.tops[row]))
        return {key: float(np.median(values)) for key, values in tops.items()}

    def _check_lengths(self) -> None:
        """Raise DataError for a row whose columns count different numbers of pen positions."""
        counts, other = np.diff(self._ends), np.diff(self._dy_ends)
        sums = np.concatenate(([0], np.cumsum(self._points, dtype=np.int64)))
        wrong = (counts != other) | (counts != np.diff(sums[self._stroke_ends]))
        if wrong.any() or (self._points <= 0).any():
            raise DataError(
                f"{self.path}: dx, dy and points of a row count different numbers of pen positions"
            )

    def _extents(self) -> tuple[np.ndarray, np.ndarray]:
        """Ink above and below the baseline of each row, (rows,) float64 in x-heights; 0 for empty rows."""
        counts = np.diff(self._ends)
        filled = np.flatnonzero(counts)
        first = self._ends[:-1]
        x, y = (np.cumsum(flat, dtype=np.int64) for flat in (self._dx, self._dy))
        row = np.repeat(np.arange(len(counts)), counts)
        begin = first[row]
        x, y = (total - (total[begin] - flat[begin]) for total, flat in ((x, self._dx), (y, self._dy)))
        height = (y - self._slopes[row] * x) / UNITS_PER_X_HEIGHT
        tops, bottoms = np.zeros(len(counts)), np.zeros(len(counts))
        tops[filled] = -np.minimum.reduceat(height, first[filled])
        bottoms[filled] = np.maximum.reduceat(height, first[filled])
        return tops, bottoms

    def _usable(self, row: int, bottom: float) -> bool:
        """Tell whether the row has ink, a text in the alphabet, and a plausible estimate of the x-height."""
        text, top = self.texts[row], self.tops[row]
        if not text or not _ALPHABET.issuperset(text) or top + bottom <= 0 or max(top, bottom) > MAX_EXTENT:
            return False
        # The estimate of the x-height fails on some short texts: compare the ink's top with what is written.
        if is_tall(text):
            return 1.0 <= top <= 4.5
        return _SMALL.isdisjoint(text) or 0.6 <= top <= 2.2


_ALPHABET = frozenset(DEFAULT_CHARACTERS)
