"""Progress bar and closing summary of `ocr read`, both on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ocr.errors import OcrError
from ocr.image.headers import page_sizes
from ocr.image.page_image import PageRange
from ocr.inference.inputs import WITH_PAGES, Source, printable

if TYPE_CHECKING:
    from rich.console import Console

    from ocr.types import Page


def count_pages(sources: Sequence[Source], pages: PageRange) -> int:
    """Count the wanted pages of files, which are opened only if they can have several; a broken one counts as one."""
    total = 0
    for source in sources:
        count = 1
        file = source.origin
        if isinstance(file, Path) and file.suffix.lower() in WITH_PAGES and file.is_file():
            try:
                count = len(pages.select(len(page_sizes(file)), printable(source)))
            except (OcrError, OSError):
                count = 1
        total += count
    return total


class ProgressBar:
    """Bar with the number of the page, the total, and the time left; a context manager.

    Nothing is shown for a single page, nor where `console`, by default standard error, is no terminal.
    """

    def __init__(self, total: int, *, console: Console | None = None) -> None:
        self.bar = None
        if total < 2 or (console is None and not sys.stderr.isatty()):
            return
        # Loaded on demand: most runs have no terminal or a single page.
        from rich import progress
        from rich.console import Console

        self.bar = progress.Progress(
            progress.TextColumn("page"),
            progress.MofNCompleteColumn(),
            progress.BarColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("left"),
            console=console or Console(stderr=True),
            # Texts and messages are printed while it is hidden.
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )
        self.task = self.bar.add_task("read", total=total)

    def __enter__(self) -> ProgressBar:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def advance(self) -> None:
        """Count a page as done."""
        if self.bar is not None:
            self.bar.advance(self.task)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the bar while something else is printed."""
        if self.bar is None:
            yield
            return
        self.bar.stop()
        yield
        self.bar.start()


class Tally:
    """Numbers of pages and lines that were read, and the confidence of each page."""

    MAX_LISTED = 5
    """Number of pages that are listed as those to look at first."""

    def __init__(self) -> None:
        self.pages = self.lines = 0
        self.sum = self.weight = 0.0
        self.doubtful: list[tuple[float, str]] = []

    def add(self, page: Page, name: str, *, count: int) -> None:
        """Count a page of the file `name`, which has `count` pages."""
        read = [line for line in page.lines if line.text]
        weight = sum(len(line.text) for line in read)
        total = sum(line.confidence * len(line.text) for line in read)
        self.pages += 1
        self.lines += len(read)
        self.sum, self.weight = self.sum + total, self.weight + weight
        # A blank page is nothing to look at; one with ink that could not be read is.
        if read or page.warnings:
            place = f"{name}, page {page.number}" if count > 1 else name
            self.doubtful.append((total / weight if weight else 0.0, place))

    def summary(self) -> list[str]:
        """Return the lines of the summary; none for a single page."""
        if self.pages < 2:
            return []
        mean = f", mean confidence {self.sum / self.weight:.2f}" if self.weight else ""
        lines = [f"{self.pages} pages, {self.lines} line{'s' * (self.lines != 1)}{mean}"]
        listed = sorted(self.doubtful)[: min(self.MAX_LISTED, max(1, self.pages // 3))]
        if listed:
            lines.append("to look at first: " + "; ".join(f"{name} ({mean:.2f})" for mean, name in listed))
        return lines
