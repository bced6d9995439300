"""Work of `ocr read` without its command line: read the inputs, print the text, write the results."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.commands.progress import ProgressBar, Tally, count_pages
from ocr.commands.read_ahead import PagesAhead, page_threads
from ocr.commands.read_options import FileOptions, InferOptions
from ocr.errors import ConfigError, ImageError, OcrError
from ocr.image.io import check_dpi, open_pages
from ocr.image.page_image import ALL_PAGES, ENOUGH_PIXELS, PageImage, PageRange, PdfLimits
from ocr.inference.inputs import Source, find_sources, printable
from ocr.output import choose_writers
from ocr.output.results import Results
from ocr.output.resume import ResumeLog
from ocr.output.text import page_text

if TYPE_CHECKING:
    from ocr.inference.reader import Reader
    from ocr.types import Page

_STANDARD_OUTPUT = "standard output"


def infer(options: InferOptions) -> int:
    """Read everything that the input names; text on standard output, messages on standard error.

    Returns:
        0, or 1 if a file could not be read or a result could not be written.
    Raises:
        OcrError: nothing can be read at all: no input, an unknown bundle or format, a useless output folder.
        OSError: standard output is closed or full.
    """
    files = options.files
    check_dpi(files.dpi)
    if files.resume and not files.output:
        raise ConfigError("resume=true needs output=FOLDER, where it keeps what has been read")
    limits = PdfLimits(files.pdf_seconds, files.pdf_megabytes)
    sources = find_sources(files.input, Path(files.output) if files.output else None, on_passed_over=report)
    pages = PageRange.parse(files.pages) if files.pages is not None else ALL_PAGES
    writers = choose_writers(files.formats, text=files.text, drawing=options.drawing)
    many = len(sources) > 1 or count_pages(sources, pages) > 1
    with page_threads(many=many) as workers:
        reader = load_reader(options)
        results = Results(files.output, writers, split=files.split)
        log = _resume_log(results, files) if files.resume else None
        todo = [source for source in sources if log is None or source not in log]
        tally = Tally()
        with ProgressBar(count_pages(todo, pages) if sys.stderr.isatty() else 0) as progress:
            run = _Run(reader, results, files, pages=pages, limits=limits, progress=progress, tally=tally)
            failed = run.read_all(todo, log=log, workers=workers, with_names=len(sources) > 1)
    for line in tally.summary():
        print(line, file=sys.stderr)
    if len(todo) < len(sources):
        print(f"{len(sources) - len(todo)} of {len(sources)} files had been read before", file=sys.stderr)
    if failed and len(sources) > 1:
        print(f"{failed} of {len(sources)} files failed", file=sys.stderr)
    return 1 if failed else 0


def load_reader(options: InferOptions) -> Reader:
    """Load the reader that the options describe. Raises BundleError or ConfigError."""
    # Brings PyTorch, which wrong options need not wait for.
    from ocr.inference.reader import Reader

    return Reader.from_settings(options.reader, detection=options.detection)


def _resume_log(results: Results, files: FileOptions) -> ResumeLog:
    layout = [*(["split"] if files.split else []), *([files.text] if files.text != "lines" else [])]
    return ResumeLog(results.folder, files.formats, files.pages, layout=layout)


def report(problem: object) -> None:
    """Print one line on standard error."""
    print(f"ocr read: {' '.join(str(problem).split())}", file=sys.stderr)


def output_lost(error: OSError) -> int:
    """Return the exit status where standard output is closed (`| head`) or full, which is reported."""
    # Python writes what is left on exit, and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 141
    report(f"{error.filename}: {error.strerror}")
    return 2


class _Run:
    """Run over several files, with what they have in common."""

    def __init__(
        self,
        reader: Reader,
        results: Results,
        files: FileOptions,
        *,
        pages: PageRange,
        limits: PdfLimits,
        progress: ProgressBar,
        tally: Tally,
    ) -> None:
        self.reader = reader
        self.results = results
        self.files = files
        self.pages = pages
        self.limits = limits
        self.progress = progress
        self.tally = tally

    def read_all(
        self, sources: Sequence[Source], *, log: ResumeLog | None, workers: int, with_names: bool
    ) -> int:
        """Read sources, `workers` pages at once; return the number of those that failed.

        Args:
            log: is told of complete sources. with_names: print the name of each before its text.
        """
        from ocr.inference.reader import source_name

        failed = 0
        self.ahead = PagesAhead(
            sources,
            fetch=lambda source: source.content(allow_private=self.files.allow_private),
            open_pages=self._open_pages,
            read=lambda image, source: self.reader.read_page(image, source=source_name(str(source))),
            workers=workers,
        )
        with self.ahead:
            for source in sources:
                if with_names:
                    self.say(f"# {printable(source)}\n")
                complete = self.read(source)
                failed += not complete
                if complete and log is not None:
                    log.add(source)
        return failed

    def read(self, source: Source) -> bool:
        """Write what is read of a source, and report what cannot be read or written.

        Returns:
            False where anything could not.
        Raises:
            OSError: standard output is closed or full.
        """
        try:
            return self._write_pages(source)
        except OcrError as error:
            self.report(error)
        except OSError as error:
            if error.filename == _STANDARD_OUTPUT:
                raise
            self.report(f"{error.filename or printable(source)}: {error.strerror or error}")
        self.ahead.give_up(source)
        self.progress.advance()
        return False

    def _open_pages(
        self, source: Source, content: Path | bytes, on_error: Callable[[ImageError], None]
    ) -> Iterator[PageImage]:
        return open_pages(
            content,
            name=printable(source),
            pages=self.pages,
            dpi=self.files.dpi,
            max_pixels=ENOUGH_PIXELS,
            on_error=on_error,
            pdf_limits=self.limits,
        )

    def _write_pages(self, source: Source) -> bool:
        """Print and write the pages of a source one by one; no page is kept when the next is taken."""
        divider, complete = "", True
        content = self.ahead.open(source)
        with self.results.of(source, content) as written:
            for found in self.ahead.pages(source):
                if isinstance(found, ImageError):
                    complete = False
                    self.report(found)
                    self.progress.advance()
                    continue
                page, image = found.page, found.image
                self.say(divider + page_text(page, self.files.text))
                written.add(page, image.pixels, file_size=image.reduced_from, pages=image.count)
                self._tell(page, source, seconds=found.seconds, count=image.count)
                divider = "\f"
                # A page is large, and would stay until the next one has been read.
                del found, image
        return complete

    def _tell(self, page: Page, source: Source, *, seconds: float, count: int) -> None:
        """Print what was found on a page of a file of `count` pages."""
        self.tally.add(page, printable(source), count=count)
        self.progress.advance()
        place = f"page {page.number}, " if count > 1 else ""
        with self.progress.hidden():
            print(f"{printable(source)}: {place}{_summary(page, seconds)}", file=sys.stderr)
            for warning in page.warnings:
                report(f"{printable(source)}: {place}{warning}")

    def report(self, problem: object) -> None:
        """Print one line on standard error."""
        with self.progress.hidden():
            report(problem)

    def say(self, text: str) -> None:
        """Print text on standard output, at once. Raises OSError with its name if it is closed or full."""
        with self.progress.hidden():
            try:
                print(text, end="", flush=True)
            except OSError as error:
                error.filename = _STANDARD_OUTPUT
                raise


def _summary(page: Page, seconds: float) -> str:
    lines = sum(bool(line.text) for line in page.lines)
    held = len(page.embedded_text)
    note = f"; the file itself holds {held} characters of text for this page" if held else ""
    turned = f", turned by {page.rotation} degrees," if page.rotation else ""
    return f"{lines} line{'s' * (lines != 1)}{turned} in {seconds:.1f} s{note}"
