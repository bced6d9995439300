"""Single thread for all work on pages, so that one page at a time is in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ocr.demo.limits import Limits
from ocr.demo.reading import read_sheet
from ocr.demo.session import DONE, FAILED, WAITING, Session, Upload, UploadPage
from ocr.errors import OcrError, one_line
from ocr.inference.reader import Reader

T = TypeVar("T")

log = logging.getLogger(__name__)


class Worker:
    """The thread with its reader, which no other thread uses; needs a running event loop."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self.reader = reader
        self.limits = limits
        self._thread = ThreadPoolExecutor(1, "reader")
        self._readings: dict[str, asyncio.Task] = {}

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function in the thread, after earlier calls (at most one page per session); returns its result."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def read(self, session: Session) -> None:
        """Start reading the waiting pages of a session.

        The next page of a session is queued when the last one is done, so that other sessions need not wait for all
        pages of a long document.
        """
        if session.id not in self._readings:
            self._readings[session.id] = asyncio.create_task(self._read(session))

    async def close(self) -> None:
        """Finish the current page and drop all others."""
        for task in list(self._readings.values()):
            task.cancel()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def _read(self, session: Session) -> None:
        while waiting := next((pair for pair in session.sheets() if pair[1].state == WAITING), None):
            document, sheet = waiting
            job = asyncio.ensure_future(self.run(read_sheet, self.reader, document, sheet, self.limits))
            await asyncio.wait([job])
            _settle(document, sheet, job)
        del self._readings[session.id]


def _settle(document: Upload, sheet: UploadPage, job: asyncio.Future) -> None:
    """Store the result of a page, or the reason of its failure, which must not affect other pages."""
    error = job.exception()
    if error is None:
        sheet.page, sheet.state = job.result(), DONE
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
