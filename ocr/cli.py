"""What infer.py does, without its command line: find the inputs, read them, write the results."""

from __future__ import annotations

import glob
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.errors import ConfigError, OcrError

if TYPE_CHECKING:
    import numpy as np

    from ocr.inference.pipeline import Reader
    from ocr.types import Page


@dataclass
class InferOptions:
    """The options of infer.py, typed; `configs/infer.yaml` tells what they mean and holds the defaults."""

    input: str | None = None
    output: str | None = None
    formats: list[str] = field(default_factory=list)
    recognizer: str = ""
    detector: str | None = None
    decode: str | None = None
    device: str = "auto"
    batch_size: int = 16
    width: int | None = None
    text_threshold: float | None = None
    low_text: float | None = None
    link_threshold: float | None = None
    size_threshold: float | None = None
    with_refiner: bool | None = None


@dataclass(frozen=True)
class Source:
    """A file to read, and its results' path inside the output folder, without a suffix."""

    path: Path
    name: Path


def infer(options: InferOptions) -> int:
    """Read everything `options.input` names; text on standard output, messages on standard error.

    Returns:
        0, or 1 if a file could not be read or a result could not be written.
    Raises:
        OcrError: nothing can be read at all: no input, an unknown bundle or format, a useless output folder.
    """
    sources = find_sources(options.input, Path(options.output) if options.output else None)
    reader = load_reader(options)
    results = Results(options.output, options.formats)
    failed = 0
    for source in sources:
        if len(sources) > 1:
            print(f"# {printable(source.path)}", flush=True)
        try:
            for page, image, seconds in _read(reader, source.path):
                _print_page(page)
                results.write(page, image, source)
                print(f"{printable(source.path)}: {_summary(page, seconds)}", file=sys.stderr)
        except OcrError as error:
            failed += 1
            report(error)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            failed += 1
            report(f"{error.filename or printable(source.path)}: {error.strerror or error}")
    if failed and len(sources) > 1:
        print(f"{failed} of {len(sources)} files failed", file=sys.stderr)
    return 1 if failed else 0


def find_sources(name: str | None, output: Path | None = None) -> list[Source]:
    """The files that `name` (a file, folder or pattern) stands for, in natural order (2 before 10).

    A name that exists is taken literally, whatever characters it holds. Of folders and patterns only files with
    an image's suffix count; hidden files, pictures drawn by an earlier run, and `output` are passed over.

    Raises:
        ConfigError: there is no such file, or nothing to read in the folder or under the pattern.
    """
    if not name:
        raise ConfigError("no input: name an image, a folder or a pattern, as in input=letter.jpg")
    path = Path(name)
    # os.path, whose tests are False rather than an error for names too long or out of reach.
    if os.path.isdir(path):
        visible = (item for item in path.rglob("*") if not _hidden(item.relative_to(path)))
        found = _images(visible, root=path, output=output)
        if not found:
            raise ConfigError(f"input={printable(name)}: no images in this folder ({_suffixes()})")
        return _name_results(found, root=path)
    if os.path.exists(path):
        return [Source(path, Path(path.stem or path.name))]
    if not glob.has_magic(name):
        raise ConfigError(f"input={printable(name)}: no such file or folder")
    matches = (Path(match) for match in glob.iglob(name, recursive=True))
    found = _images(matches, root=Path(), output=output)
    if not found:
        raise ConfigError(f"input={printable(name)}: no image matches this pattern ({_suffixes()})")
    return _name_results(found, root=Path(os.path.commonpath([str(item.parent) for item in found])))


def load_reader(options: InferOptions) -> Reader:
    """The reader that the options describe. Raises BundleError or ConfigError."""
    from ocr.inference.pipeline import DetectorOptions, Reader

    return Reader.from_pretrained(
        options.recognizer,
        None if options.detector in (None, "none") else options.detector,
        device=options.device,
        decode=options.decode,
        batch_size=options.batch_size,
        detection=DetectorOptions(
            width=options.width,
            text_threshold=options.text_threshold,
            link_threshold=options.link_threshold,
            low_text=options.low_text,
            size_threshold=options.size_threshold,
            with_refiner=options.with_refiner,
        ),
    )


class Results:
    """Writes pages in the chosen formats; without a folder, nothing.

    Raises:
        ConfigError: a format is unknown, or the folder cannot be made or written to.
    """

    def __init__(self, folder: str | None, formats: list[str]) -> None:
        from ocr.output import WRITERS

        for name in formats:
            if name not in WRITERS:
                raise ConfigError(f"formats: unknown format {name!r}, choose from {', '.join(WRITERS)}")
        self.writers = [WRITERS[name] for name in formats]
        self.folder = Path(folder) if folder else None
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"output={printable(folder)}: cannot be made ({error.strerror})") from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ConfigError(f"output={printable(folder)}: not writable")

    def write(self, page: Page, image: np.ndarray, source: Source) -> None:
        """Write one page: NAME.SUFFIX, and NAME.2.SUFFIX, NAME.3.SUFFIX ... from a file's second page on."""
        if self.folder is None:
            return
        base = self.folder / source.name
        if page.number > 1:
            base = base.with_name(f"{base.name}.{page.number}")
        base.parent.mkdir(parents=True, exist_ok=True)
        for writer in self.writers:
            writer.write(page, image, base.with_name(base.name + writer.suffix))


def report(problem: object) -> None:
    """One line on standard error."""
    print(f"infer.py: {' '.join(str(problem).split())}", file=sys.stderr)


def printable(name: object) -> str:
    """A file name for a message: as it is, or quoted with escapes where it holds control or undecodable bytes."""
    return str(name) if str(name).isprintable() else repr(str(name))


def _read(reader: Reader, path: Path) -> Iterator[tuple[Page, np.ndarray, float]]:
    """The file's pages with their images and the seconds that each took."""
    from ocr.image.io import load_pages
    from ocr.inference.pipeline import source_name

    start = time.perf_counter()
    for number, image in enumerate(load_pages(path), start=1):
        page = reader.read_array(image, source=source_name(path), number=number)
        yield page, image, time.perf_counter() - start
        start = time.perf_counter()


def _print_page(page: Page) -> None:
    from ocr.output.text import page_text

    if page.number > 1:
        print("\f", end="")
    print(page_text(page), end="", flush=True)


def _summary(page: Page, seconds: float) -> str:
    lines = sum(bool(line.text) for line in page.lines)
    place = f"page {page.number}, " if page.number > 1 else ""
    return f"{place}{lines} line{'s' * (lines != 1)} in {seconds:.1f} s"


def _images(paths: Iterator[Path], *, root: Path, output: Path | None) -> list[Path]:
    from ocr.image.io import IMAGE_SUFFIXES

    skip = output.resolve() if output is not None else None
    if skip is not None and root.resolve().is_relative_to(skip):
        skip = None  # Results go beside the inputs: there is no separate folder to pass over.
    found = []
    for path in paths:
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.endswith(".draw.png"):
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
    from ocr.image.io import IMAGE_SUFFIXES

    return ", ".join(sorted(IMAGE_SUFFIXES))
