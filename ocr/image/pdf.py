"""Pages of PDF files, drawn by PDFium one at a time in a process of their own, within limits of time and memory."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ocr.errors import ImageError
from ocr.image.page_image import DEFAULT_LIMITS, DPI, ENOUGH_PIXELS, PageImage, PageRange, PdfLimits

_BAND = 1 << 22
"""Bytes that are taken over at once."""

_MAX_FAILURES = 3
"""Pages in a row that may end the process before the rest of the document is given up."""


class _EndedError(Exception):
    """The process is gone; the message says why."""


class _Child:
    """A process that draws, and the document that it has open. For one thread at a time."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ocr.image.pdf_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def usable(self) -> bool:
        """Return False after a fork, whose two sides would answer each other's requests, and where it has ended."""
        return self.owner == os.getpid() and self.process.poll() is None

    @contextmanager
    def within(self, limits: PdfLimits) -> Iterator[None]:
        """End the process where what is inside takes longer or fails; raises _EndedError where it has ended."""
        late, finished = threading.Event(), False

        def end() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(limits.seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
            finished = True
        except (OSError, ValueError, EOFError) as error:
            if late.is_set():
                raise _EndedError(f"takes longer than {limits.seconds:g} s to draw") from error
            raise _EndedError(
                f"cannot be drawn: it needs more than {limits.megabytes} MB, or is damaged in a way that ends PDFium"
            ) from error
        finally:
            timer.cancel()
            if not finished:
                # Whatever interrupted the exchange, the next answer would be to this request.
                self.close()

    def ask(self, request: dict, limits: PdfLimits, content: bytes = b"") -> dict:
        """The answer to a request. Raises OSError, ValueError or EOFError where the process has ended."""
        request |= {"seconds": limits.seconds, "bytes": limits.megabytes << 20}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.write(content)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def pixels(self, answer: dict) -> np.ndarray:
        """uint8 (h, w, 3) RGB that follow an answer; taken over in bands, so that they are in memory once."""
        height, width, stride = answer["height"], answer["width"], answer["stride"]
        pixels = np.empty((height, width, 3), np.uint8)
        step = max(1, _BAND // stride)
        band = np.empty((min(step, height), stride), np.uint8)
        for top in range(0, height, step):
            rows = band[: min(step, height - top)]
            if self.process.stdout.readinto(memoryview(rows).cast("B")) != rows.size:
                raise EOFError
            used = rows[:, : width * answer["channels"]].reshape(len(rows), width, answer["channels"])
            pixels[top : top + len(rows)] = used[:, :, :3]
        return pixels

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            # What was not taken by a process that has ended cannot be written any more.
            with suppress(OSError):
                pipe.close()
        self.process.wait()


_idle: list[_Child] = []
"""One process is kept, because starting it takes longer than drawing a page."""

_idle_lock = threading.Lock()


def _borrow() -> _Child:
    with _idle_lock:
        while _idle:
            child = _idle.pop()
            if child.usable():
                return child
    return _Child()


def _give_back(child: _Child) -> None:
    with _idle_lock:
        if not _idle and child.usable():
            _idle.append(child)
            return
    if child.owner == os.getpid():
        child.close()


def _forget_idle() -> None:
    """Leave the processes, after a fork, to the side that has started them."""
    global _idle_lock
    _idle_lock = threading.Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_idle)


@atexit.register
def _end_idle() -> None:
    while _idle:
        child = _idle.pop()
        if child.owner == os.getpid():
            child.close()


class _Document:
    """A PDF file, opened in a process, and in another one where that has ended."""

    def __init__(self, source: Path | bytes, name: str, limits: PdfLimits) -> None:
        self.source = source
        self.name = name
        self.limits = limits
        self.child: _Child | None = None
        self.pages = 0
        self._open()

    def _open(self) -> None:
        content = self.source if isinstance(self.source, bytes) else b""
        path = None if isinstance(self.source, bytes) else os.fsdecode(os.path.abspath(self.source))
        self.child = _borrow()
        try:
            with self.child.within(self.limits):
                answer = self.child.ask({"open": path, "size": len(content)}, self.limits, content)
        except _EndedError as error:
            raise ImageError(f"{self.name}: {error}") from error
        if "error" in answer:
            self.close()
            raise ImageError(f"{self.name}: {answer['error']}")
        self.pages = answer["pages"]

    def draw(self, number: int, dpi: float | None) -> PageImage:
        """A page. Raises ImageError, and _EndedError where the process had to be ended."""
        if not self.child.usable():
            self._open()
        request = {"page": number, "dpi": dpi, "usual_dpi": DPI, "pixels": ENOUGH_PIXELS}
        with self.child.within(self.limits):
            answer = self.child.ask(request, self.limits)
            pixels = None if "error" in answer else self.child.pixels(answer)
        if pixels is None:
            raise ImageError(f"{self.where(number)}: {answer['error']}")
        return PageImage(
            pixels, number=number, count=self.pages, dpi=float(answer["dpi"]), text=answer["text"]
        )

    def where(self, number: int) -> str:
        """Return the name of a page in messages."""
        return f"{self.name}, page {number}" if self.pages > 1 else self.name

    def close(self) -> None:
        """Close the document, and keep the process for the next one."""
        if not self.child.usable():
            return
        if sys.is_finalizing():
            self.child.close()
            return
        try:
            with self.child.within(self.limits):
                self.child.ask({"close": True}, self.limits)
        except _EndedError:
            return
        _give_back(self.child)


def pdf_pages(
    source: Path | bytes,
    name: str,
    *,
    pages: PageRange,
    dpi: float | None,
    on_error: Callable[[ImageError], None] | None = None,
    limits: PdfLimits = DEFAULT_LIMITS,
) -> Iterator[PageImage]:
    """Draw the wanted pages, at less than `dpi` where one would have more than `ENOUGH_PIXELS`.

    Args:
        name: for messages.
        dpi: pixels per inch; None draws a page that is a scan with the scan's own pixels, 72 to 600 per inch, and
            every other at `DPI`.
        on_error: see `ocr.image.io.open_pages`.
        limits: a page that takes more is an error; after three in a row the rest of the document is given up.
    Raises:
        ImageError: encrypted, damaged, without pages, or without the wanted ones.
    """
    document = _Document(source, name, limits)
    failures = 0
    try:
        wanted = pages.select(document.pages, name)
        for place, number in enumerate(wanted, start=1):
            try:
                page = document.draw(number, dpi)
            except _EndedError as error:
                problem = ImageError(f"{document.where(number)}: {error}")
            except ImageError as error:
                problem = error
            else:
                failures = 0
                yield page
                # A page is large, and would stay until the next one has been drawn.
                del page
                continue
            if on_error is None:
                raise problem
            on_error(problem)
            failures += not document.child.usable()
            if failures == _MAX_FAILURES and place < len(wanted):
                on_error(
                    ImageError(f"{name}: given up after page {number}, {len(wanted) - place} pages are left")
                )
                return
    finally:
        document.close()


def pdf_page_count(source: Path | bytes, name: str, *, limits: PdfLimits = DEFAULT_LIMITS) -> int:
    """Count the pages. Raises ImageError as `pdf_pages` does."""
    document = _Document(source, name, limits)
    document.close()
    return document.pages
