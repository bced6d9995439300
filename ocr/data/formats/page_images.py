"""Finding the image of an annotated page under the names that tools and file systems make of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from ocr.data.lines.sources import comparable_name
from ocr.errors import DataError
from ocr.image.kinds import PAGE_SUFFIXES

_ANNOTATION_SUFFIXES = (".page", ".alto")
"""Stand before `.xml` in the names of annotation files."""


class PageImages:
    """Search for page images beside their annotation, one folder up, and in and below `folder`."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._names: dict[Path, dict[str, list[Path]]] = {}

    def find(self, file: Path, source: str) -> Path:
        """The image that the annotation `file` calls `source`, else one of the annotation's own name.

        Names are compared without case and in one Unicode form; `%20` and Windows paths are understood.

        Raises:
            DataError: there is none, or there are several of that name below the folder of images.
        """
        folders = [file.parent, file.parent.parent]
        if self.folder is not None:
            folders.insert(0, self.folder)
        names = list(dict.fromkeys([*_names_of(source), *_names_like(file)]))
        for path in (folder / name for name in names for folder in folders):
            # Not Path.is_file, which raises for names too long.
            if os.path.isfile(path):
                return path
        for name in names:
            for folder in folders:
                if found := self._listed(folder, deep=False).get(comparable_name(name)):
                    return found[0]
            found = self._listed(self.folder, deep=True).get(comparable_name(name), []) if self.folder else []
            if len(found) > 1:
                raise DataError(
                    f"{file}: page image {name!r}: several of that name, {found[0]} and {found[1]}"
                )
            if found:
                return found[0]
        wanted = names[0] if source else file.stem
        raise DataError(f"{file}: page image {wanted!r} is not in {', '.join(str(f) for f in folders)}")

    def _listed(self, folder: Path, *, deep: bool) -> dict[str, list[Path]]:
        """Files of a folder by their comparable names; with `deep`, those below it."""
        cached = folder / "**" if deep else folder
        if cached not in self._names:
            names: dict[str, list[Path]] = {}
            for path in sorted(_files(folder, deep=deep)):
                names.setdefault(comparable_name(path.name), []).append(path)
            self._names[cached] = names
        return self._names[cached]


def _names_of(source: str) -> list[str]:
    """Names under which an image may lie that an annotation calls `source`: of paths and addresses, the last part."""
    # Windows paths and URLs are common in these files.
    name = source.strip().replace("\\", "/").rsplit("/", 1)[-1]
    return [name, unquote(name)] if name else []


def _names_like(file: Path) -> list[str]:
    stems = [file.stem]
    if Path(file.stem).suffix.lower() in _ANNOTATION_SUFFIXES:
        stems.append(Path(file.stem).stem)
    return [stem + suffix for stem in stems for suffix in sorted(PAGE_SUFFIXES)]


def _files(folder: Path, *, deep: bool) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
        if not deep:
            return
