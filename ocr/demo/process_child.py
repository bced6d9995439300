"""The process that runs functions for `ocr.demo.process`: pickled calls on standard input, pickled answers back."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO

from ocr.demo.process import READER
from ocr.errors import OcrError
from ocr.inference.reader import Reader

NICE = 5
"""Lower priority than that of the server, whose answers take milliseconds."""


def main() -> None:
    """Serve until standard input ends, which it does when the server does."""
    # Ctrl-C is for the server, whose end is the end of this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICE)
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What libraries print must not come between answers.
    os.dup2(2, 1)
    lanes: dict[str, ThreadPoolExecutor] = {}
    lock, reader = threading.Lock(), None
    while True:
        try:
            message = _Unpickler(calls, reader).load()
        except EOFError:
            # Calls that are still running have nobody to answer.
            os._exit(0)
        if isinstance(message, Reader):
            reader = message
            continue
        number, lane, function, arguments = message
        thread = lanes.setdefault(lane, ThreadPoolExecutor(1, lane))
        job = thread.submit(function, *arguments)
        job.add_done_callback(partial(_answer, number, answers, lock))


class _Unpickler(pickle.Unpickler):
    """Reads the reader and its recognizer where their names are written."""

    def __init__(self, file: BinaryIO, reader: Reader | None) -> None:
        super().__init__(file)
        self._reader = reader

    def persistent_load(self, name: str) -> Any:
        """Return what a name stands for."""
        return self._reader if name == READER else self._reader.recognizer


def _answer(number: int, answers: BinaryIO, lock: threading.Lock, job: Future) -> None:
    """Send the result of a call, or its error."""
    error = job.exception()
    content = pickle.dumps((number, None if error else job.result(), error and _sendable(error)))
    with lock:
        answers.write(content)
        answers.flush()


def _sendable(error: BaseException) -> BaseException:
    """Return an error itself where callers expect it, else its traceback, which would be lost."""
    if isinstance(error, OcrError | OSError | MemoryError):
        return error
    return RuntimeError("".join(traceback.format_exception(error)))


if __name__ == "__main__":
    main()
