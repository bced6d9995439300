"""Pages of several files in their order, the next of which are decoded and read while one is being written."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ocr.errors import ImageError, OcrError
from ocr.image.page_image import PageImage
from ocr.inference.inputs import Source

if TYPE_CHECKING:
    from ocr.types import Page

MAX_WORKERS = 2
"""Pages read at once; each more takes the memory of a page and of its networks' features."""

OpenPages = Callable[[Source, Path | bytes, Callable[[ImageError], None]], Iterator[PageImage]]
"""Opens the pages of a source, given with its content, and tells of those that cannot be read."""

ReadPage = Callable[[PageImage, Source], "Page"]
"""Reads a page of a source."""


@contextmanager
def page_threads(*, many: bool) -> Iterator[int]:
    """Yield the number of pages to read at once, among which PyTorch's threads are divided meanwhile.

    A single page gets all threads. `many` pages are read faster with fewer threads for each, because much of the work
    on a page is done by one thread.
    """
    # Loaded on demand: options that are wrong need not wait for it.
    import torch

    threads = torch.get_num_threads()
    workers = min(MAX_WORKERS, threads) if many else 1
    torch.set_num_threads(threads // workers)
    try:
        yield workers
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class PageRead:
    """A page that was read, its pixels, and the seconds that decoding and reading took."""

    image: PageImage
    page: Page
    seconds: float


@dataclass
class _Step:
    """Step through a source: its content, a page, a page that is lost, or its end and the error behind it."""

    source: Source
    content: Path | bytes | None = None
    image: PageImage | None = None
    seconds: float = 0.0
    lost: ImageError | None = None
    ended_by: OcrError | OSError | None = None


class PagesAhead:
    """Pages of `sources` in order: `open`, then `pages`, of each source in turn; a context manager.

    The caller's thread decodes, and `workers` threads read one page each, so that decoding, finding of lines and
    recognition of different pages overlap. Each page is read by itself: its text does not depend on the others. At
    most `workers` + 2 pages are in memory.

    Args:
        fetch: gives the content of a source. open_pages: opens its pages. read: reads a page; called in threads.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        *,
        fetch: Callable[[Source], Path | bytes],
        open_pages: OpenPages,
        read: ReadPage,
        workers: int,
    ) -> None:
        self._fetch, self._open_pages, self._read = fetch, open_pages, read
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="read")
        self._steps = self._ahead(self._all_steps(sources))
        self._given_up: Source | None = None

    def __enter__(self) -> PagesAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.close()
        self._pool.shutdown(cancel_futures=True)

    def open(self, source: Source) -> Path | bytes:
        """Return the content of the next source. Raises ImageError or OSError where there is none."""
        for step, _ in self._steps:
            # What is left of a source that the caller gave up is passed over.
            if step.source is source:
                if step.ended_by is not None:
                    raise step.ended_by
                return step.content
        raise AssertionError(f"{source}: is not the next source")

    def pages(self, source: Source) -> Iterator[PageRead | ImageError]:
        """Yield the pages of the opened source that were read, and the errors of those that could not be.

        Raises:
            OcrError, OSError: the rest of the source cannot be read.
        """
        for step, future in self._steps:
            if step.lost is not None:
                yield step.lost
            elif future is None:
                if step.ended_by is not None:
                    raise step.ended_by
                return
            else:
                page, seconds = future.result()
                done = PageRead(step.image, page, step.seconds + seconds)
                # A page is large, and would stay until the next one has been read.
                del step, future, page
                yield done
                del done

    def give_up(self, source: Source) -> None:
        """Decode no further pages of the source, whose `pages` are not wanted any more."""
        self._given_up = source

    def _ahead(self, steps: Iterator[_Step]) -> Iterator[tuple[_Step, Future | None]]:
        """Submit pages as they are decoded, so that `workers` are being read while one is decoded or written."""
        pending: deque[tuple[_Step, Future | None]] = deque()
        for step in steps:
            future = None if step.image is None else self._pool.submit(self._timed, step.image, step.source)
            pending.append((step, future))
            del step, future
            while pending and (_is_done(pending[0][1]) or _count_pages(pending) > self._workers):
                yield pending.popleft()
        while pending:
            yield pending.popleft()

    def _timed(self, image: PageImage, source: Source) -> tuple[Page, float]:
        start = time.perf_counter()
        page = self._read(image, source)
        return page, time.perf_counter() - start

    def _all_steps(self, sources: Iterable[Source]) -> Iterator[_Step]:
        for source in sources:
            problem = None
            try:
                content = self._fetch(source)
                yield _Step(source, content=content)
                yield from self._page_steps(source, content)
            except (OcrError, OSError) as error:
                problem = error
            yield _Step(source, ended_by=problem)

    def _page_steps(self, source: Source, content: Path | bytes) -> Iterator[_Step]:
        lost: list[ImageError] = []
        start = time.perf_counter()
        for image in self._open_pages(source, content, lost.append):
            yield from (_Step(source, lost=error) for error in lost)
            lost.clear()
            step = _Step(source, image=image, seconds=time.perf_counter() - start)
            del image
            yield step
            del step
            if self._given_up is source:
                return
            start = time.perf_counter()
        yield from (_Step(source, lost=error) for error in lost)


def _is_done(future: Future | None) -> bool:
    return future is None or future.done()


def _count_pages(steps: Iterable[tuple[_Step, Future | None]]) -> int:
    return sum(future is not None for _, future in steps)
