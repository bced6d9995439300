"""Process that reads pages for the server, so that neither heavy work nor a crash in a library holds up requests."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from itertools import count
from typing import Any, TypeVar

from ocr.errors import OcrError
from ocr.inference.reader import Reader

T = TypeVar("T")

SECONDS = 600.0
"""Time for one call; a page takes a few seconds, one of 100 megapixels on a slow machine minutes."""

READER, RECOGNIZER = "reader", "recognizer"
"""Names that stand for the reader and its recognizer in calls."""


class EndedError(OcrError):
    """The process has ended before it answered."""


class ReadingProcess:
    """A child process with a copy of the reader, started with the first call, and anew where it has ended.

    Methods can be called from any thread. Calls of different lanes run side by side, those of one in their order.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._child: _Calls | None = None
        self._stopped = False

    def call(self, lane: str, reader: Reader, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function of a module in the process, and return its result.

        The arguments may contain `reader` and its recognizer, which are sent once, however many calls there are.

        Raises:
            EndedError: the process has ended, took too long, or was stopped. Whatever else the function raises.
        """
        with self._lock:
            if self._stopped:
                raise EndedError("the server is being stopped")
            if self._child is None or self._child.ended:
                self._child = _Calls()
            child = self._child
            if self._stopped:
                # Meanwhile.
                child.process.kill()
            answer = child.send(lane, reader, function, arguments)
        if not wait([answer], self.seconds).done:
            child.ended = True
            child.process.kill()
            raise EndedError(f"takes longer than {self.seconds:g} s to read")
        return answer.result()

    def stop(self) -> None:
        """End the process at once, and with it all calls."""
        # Not locked: a call that is being sent waits for the process.
        self._stopped = True
        if self._child is not None:
            self._child.process.kill()


class _Calls:
    """The process, and the calls that it has not answered yet."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ocr.demo.process_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
        )
        self._numbers = count()
        self._calls: dict[int, Future] = {}
        self._reader: Reader | None = None
        self.ended = False
        """True once no answer can come any more."""
        threading.Thread(target=self._receive, daemon=True, name="answers").start()

    def send(self, lane: str, reader: Reader, function: Callable, arguments: tuple) -> Future:
        """Send a call, and before it the reader where that is another one; for one thread at a time."""
        answer: Future = Future()
        number, content = next(self._numbers), io.BytesIO()
        if reader is not self._reader:
            pickle.dump(reader, content, pickle.HIGHEST_PROTOCOL)
        _Pickler(content, reader).dump((number, lane, function, arguments))
        self._calls[number] = answer
        try:
            self.process.stdin.write(content.getbuffer())
            self.process.stdin.flush()
            self._reader = reader
        except (OSError, ValueError):
            self._fail()
        if self.ended:
            self._fail()
        return answer

    def _receive(self) -> None:
        """Hand answers to those who wait for them, until the process ends."""
        try:
            while True:
                number, result, error = pickle.load(self.process.stdout)
                answer = self._calls.pop(number)
                if error is None:
                    answer.set_result(result)
                else:
                    answer.set_exception(error)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            # It has ended, perhaps in the middle of an answer.
            return
        finally:
            self.ended = True
            self.process.kill()
            self.process.wait()
            self._fail()

    def _fail(self) -> None:
        """Fail all calls that have no answer."""
        for number in list(self._calls):
            if (answer := self._calls.pop(number, None)) is not None:
                answer.set_exception(EndedError("cannot be read: the process that reads has ended"))


class _Pickler(pickle.Pickler):
    """Writes names in place of a reader and its recognizer."""

    def __init__(self, file: Any, reader: Reader) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._reader = reader

    def persistent_id(self, value: Any) -> str | None:
        """Return the name of a value that is not written."""
        if value is self._reader:
            return READER
        return RECOGNIZER if value is self._reader.recognizer else None
