"""Pages of PDF files, drawn by PDFium one at a time."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2
import pypdfium2.raw

from ocr.errors import ImageError
from ocr.image.page_image import ENOUGH_PIXELS, PageImage, PageRange

_MAX_SIDE = 65_000
"""Pixels; JPEG holds few more."""


def pdf_pages(
    source: Path | bytes,
    name: str,
    *,
    pages: PageRange,
    dpi: int,
    on_error: Callable[[ImageError], None] | None = None,
) -> Iterator[PageImage]:
    """The wanted pages, drawn at `dpi` pixels an inch, or at less where a page is so large that this would take more
    than `ENOUGH_PIXELS`; `name` is for messages. `on_error`: see `ocr.image.io.open_pages`.

    Raises:
        ImageError: encrypted, damaged, without pages, or without the wanted ones.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
    with stream, _opened(stream, name) as document:
        # Without this, what was filled into a form is not drawn.
        document.init_forms()
        count = len(document)
        for number in pages.select(count, name):
            try:
                page = _draw(document, number, f"{name}, page {number}" if count > 1 else name, dpi)
            except ImageError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            yield page
            # A page is large, and would stay until the next one has been drawn.
            del page


def pdf_page_count(source: Path | bytes, name: str) -> int:
    """Raises ImageError as `pdf_pages` does."""
    stream = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
    with stream, _opened(stream, name) as document:
        return len(document)


def _opened(stream: io.BufferedIOBase, name: str) -> pypdfium2.PdfDocument:
    # A document without pages fails under the code of the last one that failed; this makes that a damaged one.
    pypdfium2.raw.FPDF_LoadMemDocument64(b"-", 1, None)
    try:
        return pypdfium2.PdfDocument(stream)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ImageError(f"{name}: an encrypted PDF; remove its password first") from error
        raise ImageError(f"{name}: a PDF that is damaged or has no pages") from error


def _draw(document: pypdfium2.PdfDocument, number: int, where: str, dpi: float) -> PageImage:
    try:
        page = document[number - 1]
        height, width = page.get_height(), page.get_width()
        if not (0 < height < math.inf and 0 < width < math.inf):
            raise ImageError(f"{where}: has no size ({width:g} x {height:g} points)")
        dpi = min(dpi, 72 * math.sqrt(ENOUGH_PIXELS / height / width), 72 * _MAX_SIDE / max(height, width))
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
