"""Searchable PDF: pages with an invisible layer of text.

Pages of a PDF stay as they are, and get the text; pages of other files become pictures. Those are written page by
page and never held in memory, which PDF libraries do not offer. The necessary parts of the format (ISO 32000-1) are
implemented here and in the other modules `pdf_*`.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ocr import __version__
from ocr.errors import ConfigError
from ocr.image.kinds import is_pdf
from ocr.output.document import Document
from ocr.output.layout import file_name
from ocr.output.pdf_font import InvisibleFont
from ocr.output.pdf_objects import PdfObjects, text_value
from ocr.output.pdf_picture import encode_picture
from ocr.output.pdf_text import text_layer
from ocr.types import Page

A4 = 841.89
"""Longer side in points of a page of unknown resolution."""


_TURNS = {
    90: "0 1 -1 0 {height:.3f} 0",
    180: "-1 0 0 -1 {width:.3f} {height:.3f}",
    270: "0 -1 1 0 0 {width:.3f}",
}
"""Matrices that put a page upright, by the degrees clockwise by which it is turned."""


class PdfDocument(Document):
    """PDF of one source."""

    def __init__(self, path: Path, original: Path | bytes | None = None) -> None:
        super().__init__(path, original)
        self.pages = _kept_pages(original) or PicturePages(self.file, original)

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page. Raises ConfigError without an image."""
        if image is None:
            raise ConfigError(f"{page.source}: the pdf format needs the page's image")
        self.pages.add(page, image)

    def finish(self) -> None:
        """Write what is not written yet."""
        self.pages.finish(self.file)


def _kept_pages(original: Path | bytes | None):
    """Open the pages of the original if it is a PDF that can be copied, else return None."""
    if original is None:
        return None
    if isinstance(original, bytes):
        head = original[:1024]
    else:
        with open(original, "rb") as file:
            head = file.read(1024)
    if not is_pdf(head):
        return None
    # Loaded on demand, as pictures need it not.
    from ocr.output.pdf_overlay import OriginalPages

    return OriginalPages.open(original)


class PicturePages:
    """Pages that show the picture of a page, with the name of its file as title of the PDF."""

    def __init__(self, file: BinaryIO, original: Path | bytes | None) -> None:
        self.original = original
        self.objects = PdfObjects(file)
        self.pages: list[int] = []
        self.title = ""
        self.font = InvisibleFont()
        self.font_number, self.tree_number = self.objects.reserve(), self.objects.reserve()

    def add(self, page: Page, image: np.ndarray) -> None:
        """Append a page: its image, uint8 (h, w, 3) RGB, and its text layer."""
        self.title = self.title or file_name(page)
        scale = 72 / page.dpi if page.dpi else A4 / max(page.height, page.width)
        height, width = page.height * scale, page.width * scale
        picture = encode_picture(image, self.original)
        matrix = " ".join(
            f"{value * side:.3f}" for value, side in zip(picture.upright, [width, height] * 3, strict=True)
        )
        number = picture.write(self.objects)
        text = text_layer(page.lines, page.height, self.font)
        content = f"q {matrix} cm /I Do Q\nq {scale:.8f} 0 0 {scale:.8f} 0 0 cm\n{text}Q\n"
        if page.rotation:
            # PDFium finds the words of lines that run up or down a page one by one, whichever way it is shown.
            turn = _TURNS[page.rotation].format(width=width, height=height)
            content = f"q {turn} cm\n{content}Q\n"
            height, width = (height, width) if page.rotation == 180 else (width, height)
        stream = self.objects.stream(zlib.compress(content.encode("ascii")), {"Filter": "/FlateDecode"})
        resources = f"<< /XObject << /I {number} 0 R >> /Font << /NoInk {self.font_number} 0 R >> >>"
        self.pages.append(
            self.objects.dictionary(
                {
                    "Type": "/Page",
                    "Parent": f"{self.tree_number} 0 R",
                    "MediaBox": f"[0 0 {width:.3f} {height:.3f}]",
                    "Resources": resources,
                    "Contents": f"{stream} 0 R",
                }
            )
        )

    def finish(self, file: BinaryIO) -> None:
        """Write font, page tree, catalog and the table of objects; the rest is in `file` already."""
        self.font.write(self.objects, self.font_number)
        kids = " ".join(f"{number} 0 R" for number in self.pages)
        tree = {"Type": "/Pages", "Kids": f"[{kids}]", "Count": str(len(self.pages))}
        self.objects.dictionary(tree, number=self.tree_number)
        root = self.objects.dictionary({"Type": "/Catalog", "Pages": f"{self.tree_number} 0 R"})
        producer = text_value(f"ocr {__version__}")
        info = self.objects.dictionary({"Title": text_value(self.title), "Producer": producer})
        self.objects.finish(root=root, info=info)
