"""New texts in one writer's hand, put together from pieces of recorded strokes.

Unit selection as in `ocr.synth.collage`, but on strokes: where two pieces were both joined to their neighbors, the
pen goes on from one to the other. Needs strokes whose characters are located (`ocr align strokes`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ocr.errors import DataError
from ocr.synth.strokes.characters import Located, upright
from ocr.synth.strokes.library import Strokes, StrokeTable
from ocr.synth.units import Inventory

log = logging.getLogger(__name__)

MAX_PIECE = 8
"""Characters of the longest piece; a random length up to it is allowed to each line."""
LOCATION_COLUMNS = {
    **dict.fromkeys(("slant", "fit"), pa.float32()),
    "character": pa.list_(pa.int16()),
    "edges": pa.list_(pa.float32()),
}
"""Columns that `ocr align strokes` adds: the slant of the writer, the fit of the label, and `Located`."""


class LocatedStrokes(StrokeTable):
    """Rows of a stroke file with located characters. Raises DataError as `StrokeTable`, or if it lacks them."""

    extra_columns = LOCATION_COLUMNS

    def __init__(self, path: str | Path, *, split: str = "train", exclude_donors: Sequence[str] = ()) -> None:
        super().__init__(path, split=split, exclude_donors=exclude_donors)
        self.fit = self.table.column("fit").to_numpy()
        self.slants = self.table.column("slant").to_numpy()
        self._character, self._character_ends = self.flat("character")
        self._edges, self._edge_ends = self.flat("edges")
        self._check_locations()

    def _check_locations(self) -> None:
        """Leave out rows that were located under another text; raise DataError for points without a character."""
        if (np.diff(self._character_ends) != np.diff(self._ends)).any():
            raise DataError(f"{self.path}: column character does not name the character of each pen position")
        edges = np.diff(self._edge_ends)
        located = [row for row in self.rows if edges[row] == len(self.texts[row]) + 1]
        if not located:
            raise DataError(f"{self.path}: column edges does not divide the texts into characters")
        if len(located) < len(self.rows):
            log.warning(
                "%s: %d lines left out: edges do not divide the text into characters",
                self.path,
                len(self.rows) - len(located),
            )
        self.rows = located

    def located(self, row: int) -> Located:
        """Upright strokes of a row and the characters of their points."""
        character = self._character[self._character_ends[row] : self._character_ends[row + 1]]
        edges = self._edges[self._edge_ends[row] : self._edge_ends[row + 1]]
        return Located(upright(self.strokes(row), float(self.slants[row])), character, edges)


@dataclass(frozen=True)
class StrokePiece:
    """Strokes of some characters; `entry` and `exit` number the strokes that were joined to the neighbors, or -1."""

    strokes: Strokes
    advance: float
    """Distance in x-heights from the left cut to the right one."""
    entry: int
    exit: int


def extract(located: Located, first: int, count: int) -> StrokePiece:
    """The strokes of some consecutive characters, with the left cut at x = 0."""
    chosen = (located.character >= first) & (located.character < first + count)
    stroke = located.strokes.stroke_of_point[chosen]
    points = located.strokes.points[chosen].copy()
    left, right = float(located.edges[first]), float(located.edges[first + count])
    points[:, 0] -= np.float32(left)
    starts = np.flatnonzero(np.diff(stroke, prepend=-1))
    at = np.flatnonzero(chosen)
    entry = exit_ = -1
    for number, begin in enumerate(starts):
        end = starts[number + 1] - 1 if number + 1 < len(starts) else len(stroke) - 1
        if at[begin] not in located.strokes.starts and located.character[at[begin] - 1] < first:
            entry = number
        after = at[end] + 1
        joined = after < len(located.character) and after not in located.strokes.starts
        if joined and located.character[after] >= first + count:
            exit_ = number
    return StrokePiece(Strokes(points, starts), right - left, entry, exit_)


def assemble(pieces: Sequence[StrokePiece]) -> Strokes:
    """Set pieces side by side; the pen goes on from a piece that was joined to one that was."""
    points: list[np.ndarray] = []
    pen, open_stroke = 0.0, -1
    for piece in pieces:
        strokes = piece.strokes
        stops = np.append(strokes.starts[1:], len(strokes.points))
        next_open = -1
        for number, (begin, stop) in enumerate(zip(strokes.starts, stops, strict=True)):
            part = strokes.points[begin:stop] + np.array([pen, 0], np.float32)
            if number == piece.entry and open_stroke >= 0:
                points[open_stroke] = np.concatenate((points[open_stroke], part))
                index = open_stroke
            else:
                points.append(part)
                index = len(points) - 1
            if number == piece.exit:
                next_open = index
        open_stroke = next_open
        pen += piece.advance
    counts = np.array([len(part) for part in points])
    return Strokes(np.concatenate(points), np.concatenate(([0], np.cumsum(counts[:-1]))))


class PieceLibrary:
    """Cut rows of aligned stroke tables, and the texts that each writer has written.

    Args:
        tables: strokes with located characters. min_fit: rows whose label fits the ink worse are left out.
        min_text: characters that a writer must have written to be imitated.
    """

    def __init__(
        self, tables: Sequence[LocatedStrokes], *, min_fit: float = -0.6, min_text: int = 200
    ) -> None:
        self.tables = list(tables)
        rows: dict[str, list[tuple[int, int]]] = {}
        for number, table in enumerate(self.tables):
            for row in table.rows:
                if table.fit[row] >= min_fit:
                    rows.setdefault(table.writers[row], []).append((number, row))
        texts = {
            writer: [(key, self.tables[key[0]].texts[key[1]]) for key in keys]
            for writer, keys in rows.items()
        }
        self.inventory = Inventory(texts, min_text=min_text)
        self.slants = {writer: float(self.tables[n].slants[row]) for writer, [(n, row), *_] in rows.items()}

    def spell(self, rng: np.random.Generator, writer: str, text: str) -> list[tuple[str, Strokes]] | None:
        """Words of a text in a writer's hand, each with its left end at x = 0; None if too much is lacking."""
        max_piece = int(rng.integers(2, MAX_PIECE + 1))
        units = self.inventory.select(rng, writer, text, max_piece=max_piece, within_words=True)
        if units is None:
            return None
        words, at = [], 0
        for word in text.split(" "):
            pieces, spelled = [], 0
            while spelled < len(word):
                unit = units[at]
                number, row = unit.key
                pieces.append(extract(self.tables[number].located(row), unit.first, unit.count))
                spelled += unit.count
                at += 1
            pieces = [piece for piece in pieces if len(piece.strokes.points)]
            if not pieces:
                return None
            strokes = assemble(pieces).leaned(self.slants[writer])
            words.append((word, strokes.moved(-strokes.left)))
        return words
