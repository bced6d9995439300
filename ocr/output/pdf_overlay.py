"""Text laid over the pages of an existing PDF, which pikepdf (qpdf) copies: pictures, text and all else stay."""

from __future__ import annotations

import errno
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pikepdf
from pikepdf import Dictionary, Name
from rapidfuzz import fuzz

from ocr.errors import ConfigError
from ocr.output.pdf_font import InvisibleFont
from ocr.output.pdf_objects import PdfObjects
from ocr.output.pdf_text import text_layer
from ocr.types import Page, TextLine

SAME_TEXT = 80
"""Similarity in percent from which a line counts as part of the text that the page has already."""

MIN_LETTERS = 5
"""Letters and digits below which a line must be a word of that text."""

LETTER = (0.0, 0.0, 612.0, 792.0)
"""Box of a page that has none, as programs that show PDFs assume."""

_MAX_DEPTH = 50
"""Nodes of the page tree above a page that are asked for what it inherits."""

_DAMAGED = (pikepdf.PdfError, ValueError, TypeError, KeyError, RuntimeError)
"""Errors of pikepdf for damaged documents."""


class OriginalPages:
    """Pages of a PDF with an invisible layer of text below their content, which then cannot disturb its state."""

    def __init__(self, document: pikepdf.Pdf) -> None:
        self.document = document
        self.font = InvisibleFont()
        # Filled when all characters are known.
        self.font_object = document.make_indirect(Dictionary(Type=Name.Font))
        self.added: list[int] = []

    @classmethod
    def open(cls, original: Path | bytes) -> OriginalPages | None:
        """Open a PDF; None where it cannot be copied, as it is damaged or encrypted."""
        try:
            document = pikepdf.open(io.BytesIO(original) if isinstance(original, bytes) else original)
            return cls(document) if len(document.pages) else None
        except _DAMAGED:
            return None

    def add(self, page: Page, image: np.ndarray) -> None:
        """Lay the text of a page over the one of its number. Raises ConfigError where there is none."""
        if not 1 <= page.number <= len(self.document.pages):
            raise ConfigError(
                f"{page.source}: has {len(self.document.pages)} pages, page {page.number} is not one of them"
            )
        sheet = self.document.pages[page.number - 1]
        rotation = _rotation(sheet)
        lines = _without(page.lines, page.embedded_text)
        if lines:
            matrix = " ".join(f"{value:.6f}" for value in _placement(sheet, rotation, page))
            text = text_layer(lines, page.height, self.font, self._font_name(sheet))
            sheet.contents_add(f"q {matrix} cm\n{text}Q\n".encode("ascii"), prepend=True)
        if page.rotation:
            # Viewers turn the page upright.
            sheet.obj.Rotate = (rotation - page.rotation) % 360
        self.added.append(page.number)

    def finish(self, file: BinaryIO) -> None:
        """Write the pages that were added. Raises OSError where they cannot be written or copied."""
        try:
            self._fill_font()
            document = self.document
            if len(self.added) < len(document.pages):
                document = pikepdf.new()
                for number in self.added:
                    document.pages.append(self.document.pages[number - 1])
            document.save(file, deterministic_id=True)
        except _DAMAGED as error:
            raise OSError(errno.EINVAL, f"the original PDF cannot be copied ({error})") from error

    def _font_name(self, sheet: pikepdf.Page) -> str:
        """Return the name of the font in the resources of a page, to which it is added."""
        # Resources that are inherited, or shared with other pages, are copied.
        resources = sheet.resources
        if Name.Font not in resources:
            resources.Font = Dictionary()
        fonts = resources.Font
        number = 0
        while True:
            name = f"/NoInk{number or ''}"
            if name not in fonts:
                fonts[name] = self.font_object
            if fonts[name].objgen == self.font_object.objgen:
                return name
            number += 1

    def _fill_font(self) -> None:
        """Copy the font, which is first written to a document of its own."""
        buffer = io.BytesIO()
        objects = PdfObjects(buffer)
        font, tree = objects.reserve(), objects.reserve()
        self.font.write(objects, font)
        objects.dictionary({"Type": "/Pages", "Kids": "[]", "Count": "0"}, number=tree)
        root = objects.dictionary({"Type": "/Catalog", "Pages": f"{tree} 0 R", "Font": f"{font} 0 R"})
        objects.finish(root=root, info=objects.dictionary({}))
        with pikepdf.open(buffer) as other:
            copied = self.document.copy_foreign(other.Root.Font)
            for key in list(copied.keys()):
                self.font_object[key] = copied[key]


def _without(lines: Sequence[TextLine], present: str) -> list[TextLine]:
    """Leave out lines that the text of the page holds already, which would be found twice."""
    letters, words = _letters(present), set(map(_letters, present.split()))
    if not letters:
        return list(lines)

    def is_new(text: str) -> bool:
        # A few letters occur in any text.
        if len(text) < MIN_LETTERS:
            return text not in words
        return fuzz.partial_ratio(text, letters) < SAME_TEXT

    return [line for line in lines if is_new(_letters(line.text))]


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _placement(sheet: pikepdf.Page, rotation: int, page: Page) -> tuple[float, ...]:
    """Compute the matrix from pixels of the page as it is shown, y up, to the space of its content."""
    left, bottom, right, top = _shown_box(sheet)
    width, height = right - left, top - bottom
    if rotation % 180:
        across, down = height / page.width, width / page.height
    else:
        across, down = width / page.width, height / page.height
    return {
        0: (across, 0, 0, down, left, bottom),
        90: (0, across, -down, 0, right, bottom),
        180: (-across, 0, 0, -down, right, top),
        270: (0, -across, down, 0, left, top),
    }[rotation]


def _rotation(sheet: pikepdf.Page) -> int:
    value = _inherited(sheet, "/Rotate")
    return int(value) % 360 if isinstance(value, int) and value % 90 == 0 else 0


def _shown_box(sheet: pikepdf.Page) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of the part of a page that is shown: the crop box within the media box."""
    media = _box(sheet, "/MediaBox") or LETTER
    crop = _box(sheet, "/CropBox") or media
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    return (left, bottom, right, top) if left < right and bottom < top else media


def _box(sheet: pikepdf.Page, name: str) -> tuple[float, float, float, float] | None:
    value = _inherited(sheet, name)
    try:
        x1, y1, x2, y2 = (float(number) for number in value)
    except (TypeError, ValueError):
        return None
    box = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
    return box if box[0] < box[2] and box[1] < box[3] else None


def _inherited(sheet: pikepdf.Page, name: str):
    """Look up an attribute of a page or of the nodes above it; None where none has it."""
    node = sheet.obj
    for _ in range(_MAX_DEPTH):
        if name in node:
            return node[name]
        if "/Parent" not in node:
            return None
        node = node.Parent
    return None
