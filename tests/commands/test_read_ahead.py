"""Pages that are decoded and read ahead: their order, what runs at once, and what a broken one costs."""

import threading
from pathlib import Path

import numpy as np
import pytest

from ocr.commands.read_ahead import PagesAhead
from ocr.errors import DataError, ImageError
from ocr.image.page_image import PageImage
from ocr.inference.inputs import Source
from ocr.types import Page

BROKEN, UNREADABLE = "broken", "unreadable"
"""Pages that cannot be decoded, and that cannot be read."""


def sources(*names):
    return [Source(Path(name), Path(name)) for name in names]


class Files:
    """Files with named pages; notes which pages were decoded."""

    def __init__(self, **pages):
        self.files = pages
        self.decoded = []

    def fetch(self, source):
        if str(source) not in self.files:
            raise FileNotFoundError(2, "No such file", str(source))
        return source.origin

    def open_pages(self, source, content, on_error):
        for number, name in enumerate(self.files[str(content)], start=1):
            self.decoded.append(name)
            if name == BROKEN:
                on_error(ImageError(name))
            else:
                yield PageImage(np.zeros((1, 1, 3), np.uint8), number=number, text=name)

    def ahead(self, *names, read=None, workers=2):
        def plain(image, source):
            if image.text == UNREADABLE:
                raise DataError(image.text)
            return Page(image.text, 1, 1)

        self.names = sources(*names)
        return PagesAhead(
            self.names, fetch=self.fetch, open_pages=self.open_pages, read=read or plain, workers=workers
        )


def told(ahead, source):
    """What is told of a source: its pages, lost ones in brackets, and the error that ended it."""
    result = []
    try:
        ahead.open(source)
        for found in ahead.pages(source):
            lost = isinstance(found, ImageError)
            result.append(f"({found})" if lost else found.page.source)
    except (DataError, OSError) as error:
        ahead.give_up(source)
        result.append(type(error).__name__)
    return result


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_source_keeps_its_pages_and_its_errors(workers):
    files = Files(a=["a1", "a2"], b=["b1", BROKEN, "b3"], c=["c1", UNREADABLE, "c3"], empty=[], e=[BROKEN])
    with files.ahead("a", "b", "none", "c", "empty", "e", "a", workers=workers) as ahead:
        found = [told(ahead, source) for source in files.names]
    assert found == [
        ["a1", "a2"],
        ["b1", f"({BROKEN})", "b3"],
        ["FileNotFoundError"],
        ["c1", "DataError"],
        [],
        [f"({BROKEN})"],
        ["a1", "a2"],
    ]


def test_pages_are_read_at_once_and_given_in_order():
    """The first page is done only after the second one, of another file, has been read."""
    second = threading.Event()

    def read(image, source):
        if image.text == "a1":
            assert second.wait(timeout=30)
        if image.text == "b1":
            second.set()
        return Page(image.text, 1, 1)

    files = Files(a=["a1"], b=["b1"])
    with files.ahead("a", "b", read=read) as ahead:
        assert [told(ahead, source) for source in files.names] == [["a1"], ["b1"]]


def test_few_pages_are_decoded_ahead():
    files = Files(a=[str(number) for number in range(20)])
    with files.ahead("a") as ahead:
        ahead.open(files.names[0])
        for written, _ in enumerate(ahead.pages(files.names[0])):
            assert len(files.decoded) <= written + 3


def test_a_source_that_is_given_up_is_decoded_no_further():
    files = Files(a=[str(number) for number in range(20)], b=["b1"])
    with files.ahead("a", "b") as ahead:
        a, b = files.names
        ahead.open(a)
        next(ahead.pages(a))
        ahead.give_up(a)
        assert told(ahead, b) == ["b1"]
    assert len(files.decoded) < 6
