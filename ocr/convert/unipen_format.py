"""UNIPEN files (Guyon et al., ICPR 1994): pen positions, labels of ranges of them, and included files.

A file is a sequence of entries `.KEYWORD values`. `.PEN_DOWN` and `.PEN_UP` each begin a component, a run of pen
positions whose columns `.COORD` names; components that hold no position are not numbered. `.SEGMENT` labels a range
of components, such as `0-5`, `3,5-7`, or `12:4-13:9` from point 4 of component 12 to point 9 of component 13.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from ocr.errors import DataError

_ENTRY = re.compile(r"^\.([A-Za-z][A-Za-z0-9_]*)", re.MULTILINE)
_RANGE = re.compile(r"(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?")
_MAX_COMPONENTS = 100_000
"""In a segment; that of a page of writing has hundreds."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": " "}
_DEFAULT_COLUMNS = ("X", "Y")


@dataclass(frozen=True)
class Component:
    """Pen positions as text, with the declarations in effect. `columns` names the numbers of a position."""

    down: bool
    text: str
    columns: tuple[str, ...]
    writer: str
    style: str

    def positions(self) -> np.ndarray:
        """Return (n, columns) numbers.

        Raises:
            DataError: the text is not numbers, or no multiple of the columns.
        """
        try:
            numbers = np.array(self.text.split(), np.float64)
        except ValueError as error:
            raise DataError("pen positions that are not numbers") from error
        if len(numbers) % len(self.columns) or not np.isfinite(numbers).all():
            raise DataError(f"pen positions that are not {len(self.columns)} numbers each")
        return numbers.reshape(-1, len(self.columns))


@dataclass(frozen=True)
class Segment:
    """A labeled range of components: `level` is TEXT, WORD or another of the file's hierarchy."""

    level: str
    range: str
    quality: str
    label: str

    def pieces(self) -> list[tuple[int, int, int | None]]:
        """Resolve the range to (component, first point, end point or None for all) triples.

        Raises:
            DataError: the range is malformed or runs backwards.
        """
        found = []
        for part in self.range.replace(" ", "").split(","):
            match = _RANGE.fullmatch(part)
            if match is None:
                raise DataError(f"range {self.range!r:.80} is not understood")
            first, start, last, end = (None if group is None else int(group) for group in match.groups())
            end = start if last is None else end
            last = first if last is None else last
            if last < first:
                raise DataError(f"range {self.range!r:.80} runs backwards")
            if len(found) + last - first > _MAX_COMPONENTS:
                raise DataError(f"range {self.range!r:.80} has more than {_MAX_COMPONENTS} components")
            for component in range(first, last + 1):
                stop = end + 1 if component == last and end is not None else None
                found.append((component, start or 0 if component == first else 0, stop))
        return found


@dataclass
class UnipenDocument:
    """Components and segments of a file and the files that it includes, in order."""

    components: list[Component] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)

    def strokes(self, segment: Segment) -> dict[tuple[int, int, int], np.ndarray]:
        """Return the strokes of a segment: (n, 2) pen positions, y up, by component, first point and piece.

        Raises:
            DataError: the range is malformed or names components or points that are not there.
        """
        found = {}
        for index, start, stop in segment.pieces():
            if index >= len(self.components):
                raise DataError(f"component {index} of {len(self.components)} is not there")
            component = self.components[index]
            if not component.down:
                continue
            positions = component.positions()
            if start >= len(positions) or (stop is not None and stop > len(positions)):
                raise DataError(f"component {index} has {len(positions)} points only")
            for piece, stroke in enumerate(_touching(positions[start:stop], component.columns)):
                found[index, start, piece] = stroke
        return found


class Folder:
    """All files of a folder by their path without regard to case, to find included files."""

    def __init__(self, root: Path):
        self.root = root
        self.paths = sorted(path for path in root.rglob("*") if path.is_file())
        self._by_name = {path.relative_to(root).as_posix().lower(): path for path in self.paths}

    def included(self, name: str, by: Path) -> Path:
        """Find the file that `by` includes: beside it, else in an `include` folder or a folder that it lies in.

        Raises:
            DataError: there is none within the folder.
        """
        name = name.strip().strip('"').replace("\\", "/").lower()
        inside = by.relative_to(self.root).parent.as_posix().lower()
        above = [inside]
        while above[-1] not in ("", "."):
            above.append(posixpath.dirname(above[-1]))
        places = [inside, *(posixpath.join(place, "include") for place in above), *above]
        found = [self._by_name.get(posixpath.normpath(posixpath.join(place, name))) for place in places]
        found = [path for path in found if path is not None]
        if not found:
            raise DataError(f"includes {' '.join(name.split())[:80]}, which does not exist")
        # Strokes and their labels may lie in files of the same name.
        return next((path for path in found if path != by), by)


def read_document(path: Path, folder: Folder) -> UnipenDocument:
    """Read a file and the files that it includes.

    Raises:
        DataError: a file cannot be read, is not UNIPEN, is not there, or includes itself.
    """
    document, columns, writer, style = UnipenDocument(), _DEFAULT_COLUMNS, "", ""
    for keyword, text in _expand(path, folder, ()):
        if keyword == "COORD":
            columns = tuple(text.upper().split())
            if not {"X", "Y"} <= set(columns):
                raise DataError(f".COORD {text.strip()} without X and Y")
        elif keyword == "WRITER_ID":
            writer = text.strip()
        elif keyword == "STYLE":
            style = text.strip()
        elif keyword in ("PEN_DOWN", "PEN_UP"):
            if text.strip():
                document.components.append(Component(keyword == "PEN_DOWN", text, columns, writer, style))
        elif keyword == "SEGMENT":
            document.segments.append(_segment(text))
    return document


def included_names(path: Path) -> list[str]:
    """Return the names of the files that a file itself includes. Raises DataError if it cannot be read."""
    return [text.strip() for keyword, text in _entries(path) if keyword == "INCLUDE"]


def _expand(path: Path, folder: Folder, within: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    if path in within:
        raise DataError(f"{path.name} includes itself")
    for keyword, text in _entries(path):
        if keyword == "INCLUDE":
            yield from _expand(folder.included(text, path), folder, (*within, path))
        else:
            yield keyword, text


# A recording is included by several files, one per category, which are read one after the other.
@lru_cache(maxsize=8)
def _entries(path: Path) -> list[tuple[str, str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror})") from error
    # Comments and names may hold characters of Latin-1.
    text = content.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text or not (marks := list(_ENTRY.finditer(text))):
        raise DataError(f"{path.name} is no UNIPEN file")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [(mark[1].upper(), text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]


def _segment(text: str) -> Segment:
    """Read `LEVEL RANGE QUALITY "LABEL"`; a label may hold quotes that are not escaped, a range spaces."""
    level, _, rest = text.strip().partition(" ")
    first, last = rest.find('"'), rest.rfind('"')
    words = (rest if first < 0 else rest[:first]).split()
    count = next((n for n, word in enumerate(words) if not re.fullmatch(r"[\d:,-]+", word)), len(words))
    label = _ESCAPE.sub(
        lambda match: _ESCAPED.get(match[1], match[1]), rest[first + 1 : max(first + 1, last)]
    )
    quality = words[count].upper() if count < len(words) else "?"
    return Segment(level.upper(), "".join(words[:count]), quality, label if first >= 0 else "")


def _touching(positions: np.ndarray, columns: tuple[str, ...]) -> list[np.ndarray]:
    """Cut positions where the pen was lifted, by their pressure if it was recorded."""
    points = positions[:, [columns.index("X"), columns.index("Y")]]
    if "P" not in columns or not (pressed := positions[:, columns.index("P")] > 0).any():
        return [points]
    cuts = np.flatnonzero(~pressed[1:] & ~pressed[:-1]) + 1
    pieces = zip(np.split(points, cuts), np.split(pressed, cuts), strict=True)
    return [piece for piece, touches in pieces if touches.any()]
