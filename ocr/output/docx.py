"""Office Open XML (ISO/IEC 29500) of word processors, written by python-docx: paragraphs, lists and verse.

Each page of the source begins on a new page. The file is written when it is complete; its text is held in memory.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ocr.output.document import Document
from ocr.output.layout import file_name, xml_text
from ocr.output.prose import Passage, page_passages
from ocr.types import Page

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph


class DocxDocument(Document):
    """Text document of one source, with the name of its file as title."""

    def __init__(self, path: Path, original: Path | bytes | None = None) -> None:
        # Loaded here, as other formats need not wait for it.
        import docx

        self.text = docx.Document()
        super().__init__(path, original)
        self.count = 0

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append the text of a page; `image` is not used."""
        if not self.count:
            properties = self.text.core_properties
            properties.title, properties.author, properties.comments = file_name(page)[:255], "", ""
        passages = page_passages(page) or [Passage([""])]
        for number, passage in enumerate(passages):
            paragraph = self.text.add_paragraph(style="List Bullet" if passage.item else None)
            paragraph.paragraph_format.page_break_before = True if self.count and not number else None
            _fill(paragraph, passage)
        self.count += 1

    def finish(self) -> None:
        """Write the file."""
        # In one piece: an archive that cannot be finished would try once more when it is collected.
        buffer = io.BytesIO()
        self.text.save(buffer)
        self.file.write(buffer.getvalue())


def _fill(paragraph: Paragraph, passage: Passage) -> None:
    for number, line in enumerate(passage.lines):
        if number:
            paragraph.runs[-1].add_break()
        paragraph.add_run(xml_text(line))
