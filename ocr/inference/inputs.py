"""Inputs of a reading: files, folders, patterns, standard input and addresses on the web."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ocr.errors import ConfigError, ImageError
from ocr.image.kinds import PAGE_SUFFIXES

STANDARD_INPUT = "-"

WITH_PAGES = (".pdf", ".tif", ".tiff")
"""Suffixes of files that can have several pages."""

_PAGE = re.compile(r"-\d{3,}$")
"""End of the names of results of single pages."""


@dataclass(frozen=True)
class Source:
    """Something to read, and its results' path inside the output folder, without a suffix."""

    origin: Path | str
    """A file, or as text: `-` for standard input, or an address."""
    name: Path

    def content(self, *, allow_private: bool = False) -> Path | bytes:
        """The file's path, or the bytes that came.

        Args:
            allow_private: of `download`.
        Raises:
            ImageError: nothing came, or too much. OSError: a folder that cannot be listed.
        """
        if isinstance(self.origin, Path):
            if os.path.isdir(self.origin):
                os.listdir(self.origin)
            if not os.path.exists(self.origin) or os.path.isfile(self.origin):
                return self.origin
            # A pipe or device can be read but once.
            with open(self.origin, "rb") as stream:
                return _read_all(stream, printable(self.origin))
        if self.origin == STANDARD_INPUT:
            if sys.stdin is None:
                raise ImageError("standard input: is closed")
            return _read_all(sys.stdin.buffer, str(self))
        from ocr.inference.download import download

        return download(self.origin, allow_private=allow_private)

    def __str__(self) -> str:
        return "standard input" if self.origin == STANDARD_INPUT else str(self.origin)


def find_sources(
    name: str | None,
    output: Path | None = None,
    *,
    on_passed_over: Callable[[str], None] = lambda message: None,
) -> list[Source]:
    """The files that `name` (a file, folder, pattern, address, or `-`) stands for, in natural order (2 before 10).

    A name that exists is taken literally, whatever characters it holds. Of folders and patterns only files with
    a suffix of pictures or PDF count, and subfolders that cannot be listed, so that their loss is told; hidden files,
    what an earlier run wrote, and `output` are passed over. `on_passed_over` is told how many files of other kinds
    there are; files named after a picture, such as its text, are none.

    Raises:
        ConfigError: there is no such file, or nothing to read in the folder or under the pattern.
    """
    if not name:
        raise ConfigError("no input: name an image, a folder or a pattern, as in input=letter.jpg")
    if name == STANDARD_INPUT:
        return [Source(name, Path("stdin"))]
    if re.match(r"https?://", name, re.IGNORECASE):
        return [Source(name, _address_name(name))]
    path = Path(name)
    # os.path, whose tests are False rather than an error for names too long or out of reach.
    if os.path.isdir(path):
        found = _readable(_walk(path), root=path, output=output, on_passed_over=on_passed_over)
        if not found:
            raise ConfigError(f"input={printable(name)}: no images in this folder ({_suffixes()})")
        return _name_results(found, root=path)
    if os.path.exists(path):
        return [Source(path, Path(_without_suffix(path).name))]
    if os.path.islink(path):
        raise ConfigError(f"input={printable(name)}: a link that leads nowhere")
    if not glob.has_magic(name):
        raise ConfigError(f"input={printable(name)}: no such file or folder")
    matches = (Path(match) for match in glob.iglob(name, recursive=True))
    found = _readable(matches, root=Path(), output=output)
    if not found:
        raise ConfigError(f"input={printable(name)}: no image matches this pattern ({_suffixes()})")
    return _name_results(found, root=Path(os.path.commonpath([str(item.parent) for item in found])))


def printable(name: object) -> str:
    """A file name for a message: as it is, or quoted with escapes where it holds control or undecodable bytes."""
    return str(name) if str(name).isprintable() else repr(str(name))


def _address_name(address: str) -> Path:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise ConfigError(f"input={printable(address)}: no address ({error})") from error
    file = PurePosixPath(unquote(parts.path)).name
    # A name from outside: it may not lead out of the output folder.
    stem = re.sub(r"[^\w.,() +-]", "_", PurePosixPath(file).stem).strip(". ")
    return Path(stem or re.sub(r"[^\w.-]", "_", parts.netloc) or "page")


def _read_all(stream: BinaryIO, name: str) -> bytes:
    from ocr.inference.download import MAX_BYTES

    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ImageError(f"{name}: larger than {MAX_BYTES / 1e6:.0f} MB")
    return content


def _walk(folder: Path) -> Iterator[Path]:
    """The visible files below a folder, and the folders below it that cannot be listed."""
    closed: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if not name.startswith("."))
    yield from closed


def _readable(
    paths: Iterator[Path],
    *,
    root: Path,
    output: Path | None,
    on_passed_over: Callable[[str], None] = lambda message: None,
) -> list[Path]:
    """Files to read, in natural order."""
    # realpath, because Path.resolve fails on links that lead in a circle.
    skip = Path(os.path.realpath(output)) if output is not None else None
    if skip is not None and Path(os.path.realpath(root)).is_relative_to(skip):
        skip = None  # Results go beside the inputs: there is no separate folder to pass over.
    found, others = [], []
    for path in paths:
        if skip is not None and Path(os.path.realpath(path)).is_relative_to(skip):
            continue
        if os.path.isdir(path):
            if not os.access(path, os.R_OK | os.X_OK):
                found.append(path)
            continue
        named = path.suffix.lower() in PAGE_SUFFIXES and not path.name.endswith((".draw.png", ".ocr.pdf"))
        # Pipes and the like are not waited for; a link that leads nowhere is told.
        if named and (os.path.isfile(path) or os.path.islink(path)):
            found.append(path)
        elif not named and os.path.isfile(path):
            others.append(path)
    _count_others(others, found, on_passed_over)
    return sorted(found, key=_natural)


def _count_others(others: list[Path], found: list[Path], tell: Callable[[str], None]) -> None:
    """Tell how many files of other kinds there are, unless they are named after a picture that is read."""
    stems = {str(path.with_suffix("")) for path in found}
    foreign = [
        path
        for path in others
        if not any(
            {name, _PAGE.sub("", name)} & stems
            for name in (str(path.parent / path.name[:at]) for at in _dots(path.name))
        )
    ]
    if found and foreign:
        counts = Counter(path.suffix.lower() or "without suffix" for path in foreign).most_common(5)
        kinds = ", ".join(f"{count} {printable(suffix)}" for suffix, count in counts)
        files = f"{len(foreign)} file{'s' * (len(foreign) != 1)}"
        tell(f"{files} of other kinds passed over ({kinds})")


def _dots(name: str) -> list[int]:
    return [at for at, character in enumerate(name) if character == "."]


def _name_results(paths: list[Path], *, root: Path) -> list[Source]:
    """Results are named after the file without its suffix, or with it where that would name another's results, too.

    So does `a-002.jpg` beside `a.tif`, whose second page may get that name. On some disks, A and a are the same.
    """
    names = [path.relative_to(root) for path in paths]
    results = [_without_suffix(name) for name in names]
    while True:
        keys = [str(result).casefold() for result in results]
        counts = Counter(keys)
        of_pages = {key for key, path in zip(keys, paths, strict=True) if path.suffix.lower() in WITH_PAGES}
        clashes = [
            index
            for index, key in enumerate(keys)
            if results[index] != names[index]
            and (counts[key] > 1 or (_PAGE.search(key) and _PAGE.sub("", key) in of_pages))
        ]
        if not clashes:
            return [Source(path, result) for path, result in zip(paths, results, strict=True)]
        for index in clashes:
            results[index] = names[index]


def _without_suffix(path: Path) -> Path:
    """Remove a suffix of pictures or PDF: what else follows a dot belongs to the name."""
    return path.with_suffix("") if path.suffix.lower() in PAGE_SUFFIXES else path


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key by which page2 comes before page10."""
    # Of more digits than these, Python may convert none.
    parts = re.split(r"(\d{1,1000})", str(path).casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _suffixes() -> str:
    return ", ".join(sorted(PAGE_SUFFIXES))
