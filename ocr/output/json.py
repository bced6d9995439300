"""JSON with everything that was found on a page.

The file holds one object for the page:

    version     1; raised when a field is removed or changes its meaning, not when one is added
    source      file name of the image as given
    page        position inside a multi-page file, from 1
    height, width   size of the page in pixels, after EXIF rotation
    dpi         pixels per inch; 0 where unknown
    rotation    degrees clockwise by which the text on the page is turned: 0, 90, 180 or 270
    text        the text, as in the format `txt`
    embedded_text   the text layer of a PDF that was born digital or recognized before
    lines       in reading order, each:
        text                empty where ink was found but no text; such lines are not in `text`
        paragraph           number of its paragraph on the page, from 1
        confidence          geometric mean of the probabilities of its characters, 0 to 1
        detection_score     confidence of the detector that this is a line, 0 to 1
        other_script        true where the writing seems to be in a script that the recognizer does not know
        polygon             outline, [[x, y], ...] in page pixels, clockwise, not closed
        baseline            [[x, y], ...] in reading direction
        words               in reading order, each with `text`, `confidence`, `polygon`

A file with several pages holds an object with the fields `version`, `source`, and `pages`: the list of such objects.

Coordinates are rounded to a tenth of a pixel, probabilities to four digits.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ocr.geometry import paragraphs
from ocr.output.document import Document
from ocr.output.text import page_text
from ocr.types import Page, TextLine, Word

VERSION = 1


def page_dict(page: Page) -> dict[str, Any]:
    """Convert a page to plain dicts, lists, strings and numbers (see the docstring of the module)."""
    return {
        "version": VERSION,
        "source": page.source,
        "page": page.number,
        "height": page.height,
        "width": page.width,
        "dpi": page.dpi,
        "rotation": page.rotation,
        "text": page_text(page),
        "embedded_text": page.embedded_text,
        "lines": [
            _line(line, number)
            for number, group in enumerate(paragraphs(page.lines), start=1)
            for line in group
        ],
    }


def page_json(page: Page) -> str:
    """Convert a page to JSON text with one line per line of the page, so that files can be compared by `diff`."""
    fields = page_dict(page)
    lines = ",\n  ".join(_dump(line) for line in fields.pop("lines"))
    head = ",\n ".join(f"{_dump(key)}: {_dump(value)}" for key, value in fields.items())
    return f'{{{head},\n "lines": [\n  {lines}\n ]\n}}\n' if lines else f'{{{head},\n "lines": []\n}}\n'


class JsonDocument(Document):
    """JSON of one source: the object of its page, or one with the objects of its pages."""

    first: Page | None = None
    count = 0

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page; `image` is not used."""
        self.count += 1
        if self.count == 1:
            # Its place in the file depends on whether another one follows.
            self.first = page
            return
        if self.count == 2 and self.first is not None:
            head = f'"version": {VERSION}, "source": {_dump(self.first.source)}'
            self.put(f'{{{head}, "pages": [\n{page_json(self.first)}')
            self.first = None
        self.put(f",\n{page_json(page)}")

    def finish(self) -> None:
        """Write the only page, or the end of the list of pages."""
        if self.first is not None:
            self.put(page_json(self.first))
        elif self.count:
            self.put("]}\n")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _line(line: TextLine, paragraph: int) -> dict[str, Any]:
    return {
        "text": line.text,
        "paragraph": paragraph,
        "confidence": _probability(line.confidence),
        "detection_score": _probability(line.detection_score),
        "other_script": line.other_script,
        "polygon": _points(line.polygon),
        "baseline": _points(line.baseline),
        "words": [_word(word) for word in line.words],
    }


def _word(word: Word) -> dict[str, Any]:
    return {"text": word.text, "confidence": _probability(word.confidence), "polygon": _points(word.polygon)}


def _points(points: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 1), round(float(y), 1)] for x, y in points]


def _probability(value: float) -> float:
    return round(float(value), 4)
