"""Read regions of image structs: the work of `ImageToTextV2`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocr.spark.enums import OcrOutputFormat
from ocr.spark.images import PAGENUM, from_struct
from ocr.spark.worker import EXCEPTION, FAILURES, Row, RowMap, line_reader, reason, task_device

if TYPE_CHECKING:
    from ocr.inference.reader import Reader
    from ocr.spark.batching import Waiting
    from ocr.spark.grouping import WordGrouping
    from ocr.types import Page

POSITIONS = "positions"
CONFIDENCE = "confidence"


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
        from ocr.inference.reader import Reader
        from ocr.spark.batching import read_together

        reader = Reader(line_reader(self.bundle, task_device(self.use_gpu), None, self.batch_size), None)
        for page in read_together(reader, self._cut(reader, rows)):
            if page.error is not None:
                yield page.index, {EXCEPTION: f"{self.output}: {page.error}"}
            elif page.cut is None:
                yield page.index, {}
            else:
                yield page.index, self._columns(page, rows[page.index][self.image]["origin"] or "")

    def _cut(self, reader: Reader, rows: list[Row]) -> Iterator[Waiting]:
        from ocr.spark.batching import Waiting

        for index, row in enumerate(rows):
            page = Waiting(index, row.get(PAGENUM) or 0)
            try:
                self._cut_page(reader, row, page)
            except FAILURES as error:
                page.error = reason(error)
            yield page

    def _cut_page(self, reader: Reader, row: Row, page: Waiting) -> None:
        """Leaves the page without lines to read where a stage before this one failed."""
        from ocr.inference.reader import CutPage
        from ocr.spark.regions import region_line

        if row[self.image] is None or (self.regions and row[self.regions] is None):
            return
        image = from_struct(row[self.image])
        if self.regions is None:
            page.cut = reader.cut(image)
        elif all(region.get("label") == "line" for region in row[self.regions]):
            page.cut = CutPage.from_lines(image, [region_line(region) for region in row[self.regions]])
        else:
            page.cut, page.counts = self.grouping.cut(image, row[self.regions])

    def _columns(self, waiting: Waiting, origin: str) -> Row:
        from ocr.spark.grouping import join
        from ocr.types import Page

        lines = waiting.cut.lines
        if waiting.counts is not None:
            pieces = iter(lines)
            lines = [join([next(pieces) for _ in range(count)]) for count in waiting.counts]
        height, width = waiting.cut.size
        page = Page(origin, height, width, lines, waiting.number + 1)
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
