"""One thread that does all work on pages, so that memory holds one page however many people send theirs."""

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
    """The thread, and the reader that it alone uses. To be made and used inside a running event loop."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self.reader = reader
        self.limits = limits
        self._thread = ThreadPoolExecutor(1, "reader")
        self._readings: dict[str, asyncio.Task] = {}

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """The function's result; it waits for what was asked before, at most a page of each session."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def read(self, session: Session) -> None:
        """See to it that the waiting pages of a session get read.

        A session asks for its next page when it has the last one, so those who come later need not wait until
        somebody's whole book is done.
        """
        if session.id not in self._readings:
            self._readings[session.id] = asyncio.create_task(self._read(session))

    async def close(self) -> None:
        """Finish the page at hand and no other."""
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
    """Give a page its result, or the reason why it has none: other pages and people need not suffer from it."""
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
