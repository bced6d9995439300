"""The process that reads for the server: the same readings, and a crash or an endless page costs that page alone."""

import ctypes
import os
import threading
import time

import numpy as np
import pytest

from ocr.demo.process import SECONDS, EndedError, ReadingProcess
from ocr.errors import DataError
from tests.helpers.pictures import encoded
from tests.helpers.web import User, served


def test_readings_and_corrections_are_the_same_as_without_it(reader, scrap):
    found = []
    for process in (None, ReadingProcess()):
        with served(reader, process=process) as address:
            user = User(address)
            file = user.read(encoded(scrap))
            user.check(file, 1, "Marietta, July 23")
            added = user.client.post(f"files/{file['id']}/pages/1/lines", json={"split": 0, "at": 0.5}).json()
            # A result waits until the words of corrected lines have their places.
            results = [user.result(file, form).content for form in ("txt", "json", "draw")]
            found.append((added, results, user.page(file)))
    assert found[0] == found[1]
    with pytest.raises(EndedError):
        process.call("pages", reader, os.getpid)


@pytest.fixture(scope="module")
def process():
    process = ReadingProcess()
    yield process
    process.stop()


def test_lanes_do_not_wait_for_each_other_and_errors_come_back(process, reader, tmp_path):
    slow = threading.Thread(target=process.call, args=("pages", reader, wait_for, tmp_path / "end"))
    slow.start()
    assert process.call("lines", reader, np.add, 1, 2) == 3
    (tmp_path / "end").touch()
    slow.join()
    with pytest.raises(DataError, match="one line"):
        process.call("lines", reader, raise_error, DataError("one line"))
    with pytest.raises(RuntimeError, match=r"(?s)in raise_error.*KeyError: 'x'"):
        process.call("lines", reader, raise_error, KeyError("x"))


def test_what_ends_it_costs_one_call(process, reader):
    before = process.call("lines", reader, os.getpid)
    with pytest.raises(EndedError, match="has ended"):
        process.call("pages", reader, ctypes.string_at, 0)
    assert process.call("pages", reader, os.getpid) not in (before, os.getpid())
    process.seconds = 0.2
    with pytest.raises(EndedError, match="takes longer than 0.2 s"):
        process.call("pages", reader, time.sleep, 60)
    process.seconds = SECONDS
    assert process.call("lines", reader, np.add, 1, 2) == 3


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)


def raise_error(error):
    raise error
