"""Work on pages: short work never waits for long work, and one page at a time is read."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ocr.demo.limits import BusyError, Limits
from ocr.demo.placing import placed_line
from ocr.demo.process import EndedError, ReadingProcess
from ocr.demo.reading import read_sheet
from ocr.demo.session import FAILED, READING, WAITING, Session, Upload, UploadPage
from ocr.errors import OcrError, one_line
from ocr.inference.reader import Reader
from ocr.types import Page, TextLine

T = TypeVar("T")

SHORT_THREADS = 4
"""Threads for work of milliseconds, such as the headers of a file; a damaged PDF may take one for seconds."""

log = logging.getLogger(__name__)


class Worker:
    """Threads that share a reader; needs a running event loop.

    Pages are read by one thread, results that contain pictures are written by another, so that at most two pages are
    in memory. Corrected lines are aligned with their pictures by a third. All else is done by `SHORT_THREADS`.

    Args:
        process: does the work of the first three threads, which then only wait for it.
    """

    def __init__(self, reader: Reader, limits: Limits, process: ReadingProcess | None = None) -> None:
        self.reader = reader
        self.limits = limits
        self.process = process
        self._reader = ThreadPoolExecutor(1, "reading")
        self._writer = ThreadPoolExecutor(1, "writing")
        self._placer = ThreadPoolExecutor(1, "placing")
        self._short = ThreadPoolExecutor(SHORT_THREADS, "short")
        self._stopped = False
        if process is not None:
            # The first page need not wait until it has started.
            self._reader.submit(self._apart, "pages", os.getpid)
        self._tasks: set[asyncio.Task] = set()
        self._jobs: set[asyncio.Future] = set()
        self._readings: dict[str, asyncio.Task] = {}
        self._placings: dict[str, set[asyncio.Task]] = {}

    async def short(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that takes milliseconds in a thread; returns its result."""
        return await self._run(self._short, function, *arguments)

    async def write(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that decodes pages, one such function at a time; returns its result."""
        return await self._run(self._writer, self._apart, "writing", function, *arguments)

    async def read_lines(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that reads single lines, beside the reading of pages; returns its result."""
        return await self._run(self._placer, self._apart, "lines", function, *arguments)

    async def read_page(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that reads a page, after those that were asked for earlier; returns its result."""
        return await self._run(self._reader, self._apart, "pages", function, *arguments)

    def read(self, session: Session) -> None:
        """Start reading the waiting pages of a session.

        The next page of a session is queued when the last one is done, so that other sessions need not wait for all
        pages of a long document.
        """
        if session.id not in self._readings:
            self._readings[session.id] = self._start(self._read(session))

    def place(self, session: Session, sheet: UploadPage, number: int) -> None:
        """Start aligning a checked line with its picture; until then its characters are spread evenly."""
        task = self._start(self._place(sheet, number, sheet.checked[number]))
        placings = self._placings.setdefault(session.id, set())
        placings.add(task)
        task.add_done_callback(placings.discard)

    async def placed(self, session: Session) -> None:
        """Wait until the checked lines of a session are aligned."""
        if placings := self._placings.pop(session.id, None):
            await asyncio.wait(placings)

    def stop(self) -> None:
        """Drop all work that has not begun; requests that wait for it fail with BusyError."""
        self._stopped = True
        for work in (*self._tasks, *self._jobs):
            work.cancel()
        if self.process is not None:
            self.process.stop()
        for thread in (self._reader, self._writer, self._placer, self._short):
            # A page that a thread reads by itself cannot be interrupted; nobody waits for it.
            thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, thread: ThreadPoolExecutor, function: Callable[..., T], *arguments: object) -> T:
        """Run a function in a thread. Raises BusyError where the server is stopped before it is done."""
        job = asyncio.get_running_loop().run_in_executor(thread, function, *arguments)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        try:
            return await job
        except asyncio.CancelledError:
            if self._stopped:
                raise BusyError("the server is being stopped") from None
            raise

    def _start(self, work: object) -> asyncio.Task:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _apart(self, lane: str, function: Callable[..., T], *arguments: object) -> T:
        """Run a function in the process, or in this thread where there is none."""
        if self.process is None:
            return function(*arguments)
        return self.process.call(lane, self.reader, function, *arguments)

    def _read_sheet(self, document: Upload, sheet: UploadPage) -> Page:
        sheet.state = READING
        try:
            return self._apart("pages", read_sheet, self.reader, document.bare(), sheet.bare(), self.limits)
        except EndedError as error:
            raise EndedError(f"{document.where(sheet)}: {error}") from error

    async def _read(self, session: Session) -> None:
        while waiting := next((pair for pair in session.sheets() if pair[1].state == WAITING), None):
            document, sheet = waiting
            job = asyncio.ensure_future(self._run(self._reader, self._read_sheet, document, sheet))
            # Looked at here even where this task is cut off, so that no error is logged.
            job.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait([job])
            _settle(document, sheet, job)
        del self._readings[session.id]

    async def _place(self, sheet: UploadPage, number: int, line: TextLine) -> None:
        try:
            page, recognizer = sheet.result(), self.reader.recognizer
            if not line.text or line.text == sheet.line(number).text:
                return
            size = (page.height, page.width)
            placed = await self.read_lines(placed_line, recognizer, sheet.crop(number), line, size)
        except (OcrError, OSError):
            # The page was removed meanwhile.
            return
        if sheet.checked.get(number) is line:
            sheet.checked[number] = placed


def _settle(document: Upload, sheet: UploadPage, job: asyncio.Future) -> None:
    """Store the result of a page, or the reason of its failure, which must not affect other pages."""
    error = job.exception()
    if error is None:
        sheet.finish(job.result())
        return
    sheet.state = FAILED
    if isinstance(error, OcrError):
        sheet.message = one_line(error)
    elif not sheet.folder.is_dir():
        sheet.message = "removed"
    elif isinstance(error, (OSError, MemoryError)):
        sheet.message = f"{document.where(sheet)}: {getattr(error, 'strerror', None) or 'not enough memory'}"
    else:
        sheet.message = f"{document.where(sheet)}: cannot be read, by a fault of this program"
        log.error("reading %s", document.where(sheet), exc_info=error)
