"""What there is to read: files, folders, patterns, standard input and addresses on the web."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ocr.errors import ConfigError

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Source:
    """Something to read, and its results' path inside the output folder, without a suffix."""

    origin: Path | str
    """A file, or as text: `-` for standard input, or an address."""
    name: Path

    def content(self) -> Path | bytes:
        """The file's path, or the bytes that came. Raises ImageError if nothing came."""
        if isinstance(self.origin, Path):
            return self.origin
        if self.origin == STANDARD_INPUT:
            return sys.stdin.buffer.read()
        from ocr.download import download

        return download(self.origin)

    def __str__(self) -> str:
        return "standard input" if self.origin == STANDARD_INPUT else str(self.origin)


def find_sources(name: str | None, output: Path | None = None) -> list[Source]:
    """The files that `name` (a file, folder, pattern, address, or `-`) stands for, in natural order (2 before 10).

    A name that exists is taken literally, whatever characters it holds. Of folders and patterns only files with
    a suffix of pictures or PDF count; hidden files, what an earlier run wrote, and `output` are passed over.

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
        visible = (item for item in path.rglob("*") if not _hidden(item.relative_to(path)))
        found = _readable(visible, root=path, output=output)
        if not found:
            raise ConfigError(f"input={printable(name)}: no images in this folder ({_suffixes()})")
        return _name_results(found, root=path)
    if os.path.exists(path):
        return [Source(path, Path(path.stem or path.name))]
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


def _readable(paths: Iterator[Path], *, root: Path, output: Path | None) -> list[Path]:
    from ocr.image.io import PAGE_SUFFIXES

    skip = output.resolve() if output is not None else None
    if skip is not None and root.resolve().is_relative_to(skip):
        skip = None  # Results go beside the inputs: there is no separate folder to pass over.
    found = []
    for path in paths:
        if path.suffix.lower() not in PAGE_SUFFIXES or path.name.endswith((".draw.png", ".ocr.pdf")):
            continue
        if os.path.isfile(path) and not (skip is not None and path.resolve().is_relative_to(skip)):
            found.append(path)
    return sorted(found, key=_natural)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _name_results(paths: list[Path], *, root: Path) -> list[Source]:
    """Results are named after the file without its suffix, or with it where two files differ in that alone."""
    names = [path.relative_to(root) for path in paths]
    stems = [name.with_suffix("") for name in names]
    counts = {stem: stems.count(stem) for stem in set(stems)}
    return [
        Source(path, stem if counts[stem] == 1 else name)
        for path, name, stem in zip(paths, names, stems, strict=True)
    ]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key by which page2 comes before page10."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _suffixes() -> str:
    from ocr.image.io import PAGE_SUFFIXES

    return ", ".join(sorted(PAGE_SUFFIXES))
