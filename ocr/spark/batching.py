"""Lines of many pages read together, with a failure kept to its page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ocr.inference.reader import CutPage, Reader
from ocr.spark.worker import FAILURES, reason

MAX_BATCHES = 4
"""Read when this many batches of lines are waiting: enough to sort lines by width, few enough to stay in memory."""


@dataclass
class Waiting:
    """A page on its way: the row that it comes from, its place in its file, from 0, and its lines or its failure."""

    index: int
    number: int
    cut: CutPage | None = None
    error: str | None = None
    counts: list[int] | None = None
    """How many of the images that are read make up each line of text; None: each is a line."""


def read_together(reader: Reader, pages: Iterable[Waiting]) -> Iterator[Waiting]:
    """The pages in order, read; see `Reader.fill`."""
    waiting: list[Waiting] = []
    for page in pages:
        waiting.append(page)
        if (
            sum(len(each.cut.lines) for each in waiting if each.cut)
            >= MAX_BATCHES * reader.recognizer.batch_size
        ):
            _fill(reader, waiting)
            yield from waiting
            waiting = []
    _fill(reader, waiting)
    yield from waiting


def _fill(reader: Reader, pages: list[Waiting]) -> None:
    """Read all lines of the pages at once; if that fails, page by page, to find whose fault it is."""
    cut = [page for page in pages if page.cut is not None]
    try:
        reader.recognize([page.cut for page in cut])
    except FAILURES as error:
        if len(cut) > 1:
            for page in cut:
                _fill(reader, [page])
        else:
            cut[0].cut, cut[0].error = None, reason(error)
