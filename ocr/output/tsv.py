"""TSV with a row for the page and for each block, paragraph, line and word, in the columns of Tesseract's `tsv`.

`level` is 1 for the page to 5 for a word; numbers count from 1 within the next higher level. Boxes are in whole
pixels, `conf` is in percent for words and -1 for other levels. A line without text has no words.
"""

from __future__ import annotations

import numpy as np

from ocr.geometry import paragraphs
from ocr.output.document import Document
from ocr.output.layout import box, parts
from ocr.types import Page

COLUMNS = (
    *("level", "page_num", "block_num", "par_num", "line_num", "word_num"),
    *("left", "top", "width", "height", "conf", "text"),
)


def page_tsv(page: Page) -> str:
    """Convert a page to tab-separated text, without the header; each row ends with a newline."""
    rows = [_row(1, (page.number, 0, 0, 0, 0), (0, 0, page.width, page.height))]
    for block, group in enumerate(paragraphs(page.lines), start=1):
        place = box([line.polygon for line in group], page)
        rows.append(_row(2, (page.number, block, 0, 0, 0), place))
        rows.append(_row(3, (page.number, block, 1, 0, 0), place))
        for number, line in enumerate(group, start=1):
            rows.append(_row(4, (page.number, block, 1, number, 0), box([line.polygon], page)))
            for position, word in enumerate(parts(line), start=1):
                place = box([word.polygon], page)
                # A tab or line break within a cell would break the table.
                cells = f"{100 * word.confidence:.2f}", " ".join(word.text.split())
                rows.append(_row(5, (page.number, block, 1, number, position), place, *cells))
    return "".join(map(_join, rows))


class TsvDocument(Document):
    """Table of one source: a header row, then the rows of all pages, with `page_num` from the file."""

    started = False

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append the rows of a page; `image` is not used."""
        if not self.started:
            self.put(_join(COLUMNS))
        self.started = True
        self.put(page_tsv(page))


def _join(row: tuple) -> str:
    return "\t".join(map(str, row)) + "\n"


def _row(
    level: int,
    numbers: tuple[int, ...],
    place: tuple[int, int, int, int],
    confidence: str = "-1",
    text: str = "",
) -> tuple:
    left, top, right, bottom = place
    return (level, *numbers, left, top, right - left, bottom - top, confidence, text)
