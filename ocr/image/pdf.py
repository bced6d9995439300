"""Pages of PDF files, drawn by PDFium one at a time."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pypdfium2.raw

from ocr.errors import ImageError
from ocr.image.page_image import PageImage, PageRange, check_size


def pdf_pages(source: Path | bytes, name: str, *, pages: PageRange, dpi: int) -> Iterator[PageImage]:
    """The wanted pages, drawn at `dpi` pixels an inch; `name` is for messages.

    Raises:
        ImageError: encrypted, damaged, without pages, without the wanted ones, or a page too large to draw.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
    with stream, _opened(stream, name) as document:
        # Without this, what was filled into a form is not drawn.
        document.init_forms()
        count = len(document)
        for number in pages.select(count, name):
            yield _draw(document, number, f"{name}, page {number}" if count > 1 else name, dpi)


def _opened(stream: io.BufferedIOBase, name: str) -> pypdfium2.PdfDocument:
    # A document without pages fails under the code of the last one that failed; this makes that a damaged one.
    pypdfium2.raw.FPDF_LoadMemDocument64(b"-", 1, None)
    try:
        return pypdfium2.PdfDocument(stream)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ImageError(f"{name}: an encrypted PDF; remove its password first") from error
        raise ImageError(f"{name}: a PDF that is damaged or has no pages") from error


def _draw(document: pypdfium2.PdfDocument, number: int, where: str, dpi: int) -> PageImage:
    try:
        page = document[number - 1]
        width, height = (math.ceil(points * dpi / 72) for points in page.get_size())
        check_size(f"{where} at dpi={dpi}", height=height, width=width)
        bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
        text_page = page.get_textpage()
        text = text_page.get_text_range()
    except pypdfium2.PdfiumError as error:
        raise ImageError(f"{where}: damaged ({error})") from error
    pixels = bitmap.to_numpy()[:, :, :3].copy()
    for item in (text_page, bitmap, page):
        item.close()
    # PDFium writes a hyphen that divides a word as a character of its own.
    text = text.replace("\r\n", "\n").replace("\ufffe", "-").strip()
    return PageImage(pixels, number=number, dpi=float(dpi), text=text)
