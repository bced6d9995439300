"""Read regions of image structs: the work of `ImageToTextV2`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocr.spark.enums import OcrOutputFormat
from ocr.spark.images import PAGENUM, from_struct
from ocr.spark.worker import EXCEPTION, FAILURES, Row, RowMap, line_reader, reason, task_device

if TYPE_CHECKING:
    from ocr.inference.reader import CutPage, Reader
    from ocr.spark.batching import Failure
    from ocr.spark.grouping import WordGrouping
    from ocr.types import Page, TextLine

POSITIONS = "positions"
CONFIDENCE = "confidence"

BATCHES_TOGETHER = 4
"""Batches of lines that are read together: enough to sort lines by width, few enough to stay in memory."""


@dataclass(frozen=True)
class _Regions:
    """The images of a page's regions, and how many of them make up each line of text; None: each is a line."""

    cut: CutPage
    counts: list[int] | None = None

    def lines(self) -> list[TextLine]:
        """Return the lines of text."""
        if self.counts is None:
            return self.cut.lines
        from ocr.spark.grouping import join

        pieces = iter(self.cut.lines)
        return [join([next(pieces) for _ in range(count)]) for count in self.counts]


def _line_count(page: tuple[int, _Regions | Failure | None]) -> int:
    return len(page[1].cut.lines) if isinstance(page[1], _Regions) else 0


@dataclass(frozen=True)
class Recognize(RowMap):
    """The text of each image's regions; without `regions` each image is a single line."""

    image: str
    regions: str | None
    output: str
    bundle: str
    output_format: OcrOutputFormat
    grouping: WordGrouping
    batch_size: int
    use_gpu: bool

    def compute(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        """Compute the new columns of each row; see `RowMap`."""
        from ocr.inference.reader import Reader
        from ocr.spark.batching import attempt, grouped

        reader = Reader(line_reader(self.bundle, task_device(self.use_gpu), None, self.batch_size), None)

        def recognized(pages: list[_Regions]) -> list[_Regions]:
            reader.recognize([page.cut for page in pages])
            return pages

        for group in grouped(
            self._cut(reader, rows), weight=_line_count, limit=BATCHES_TOGETHER * self.batch_size
        ):
            results = iter(attempt(recognized, [page for _, page in group if isinstance(page, _Regions)]))
            for index, page in group:
                yield index, self._columns(rows[index], next(results) if isinstance(page, _Regions) else page)

    def _cut(self, reader: Reader, rows: list[Row]) -> Iterator[tuple[int, _Regions | Failure | None]]:
        from ocr.spark.batching import Failure

        for index, row in enumerate(rows):
            try:
                yield index, self._cut_page(reader, row)
            except FAILURES as error:
                yield index, Failure(reason(error))

    def _cut_page(self, reader: Reader, row: Row) -> _Regions | None:
        """Cut the lines of an image; None where a stage before this one failed."""
        from ocr.inference.reader import CutPage
        from ocr.spark.regions import region_line

        if row[self.image] is None or (self.regions and row[self.regions] is None):
            return None
        image = from_struct(row[self.image])
        if self.regions is None:
            return _Regions(reader.cut(image))
        if all(region.get("label") == "line" for region in row[self.regions]):
            return _Regions(CutPage.from_lines(image, [region_line(region) for region in row[self.regions]]))
        return _Regions(*self.grouping.cut(image, row[self.regions]))

    def _columns(self, row: Row, result: _Regions | Failure | None) -> Row:
        from ocr.types import Page

        if result is None:
            return {}
        if not isinstance(result, _Regions):
            return {EXCEPTION: f"{self.output}: {result.reason}"}
        height, width = result.cut.size
        origin, number = row[self.image]["origin"] or "", row.get(PAGENUM) or 0
        page = Page(origin, height, width, result.lines(), number + 1)
        columns = {self.output: self._text(page), CONFIDENCE: page_confidence(page)}
        if self.output_format == OcrOutputFormat.TEXT_WITH_POSITIONS:
            columns[POSITIONS] = positions(page)
        return columns

    def _text(self, page: Page) -> str:
        if self.output_format == OcrOutputFormat.HOCR:
            from lxml import etree

            from ocr.output.hocr import page_hocr

            return etree.tostring(page_hocr(page), encoding="unicode")
        if self.output_format == OcrOutputFormat.FORMATTED_TEXT:
            from ocr.spark.layout import formatted_text

            return formatted_text(page)
        return page.text


def page_confidence(page: Page) -> float | None:
    """The mean of the lines' confidences, weighted by their length; None where nothing was read."""
    characters = sum(len(line.text) for line in page.lines)
    if not characters:
        return None
    return sum(line.confidence * len(line.text) for line in page.lines) / characters


def positions(page: Page) -> list[Row]:
    """The words of a page as `POSITIONS` structs."""
    from ocr.spark.regions import upright

    return [
        {"index": index, "page": page.number - 1, "text": word.text, "confidence": word.confidence}
        | upright(word.polygon)
        for index, line in enumerate(page.lines)
        for word in line.words
    ]
