"""Facts that a file states about its pages before any of them is decoded."""

from __future__ import annotations

from pathlib import Path

from ocr.image.damage import DAMAGED, quiet
from ocr.image.frames import open_picture, page_frames
from ocr.image.kinds import file_head, is_pdf


def page_sizes(source: str | Path | bytes, *, name: str = "") -> list[tuple[int, int]]:
    """(height, width) of each page of a picture, TIFF or PDF, as its header tells, before any rotation.

    It is (0, 0) where only decoding can tell: the pages of a PDF have no pixels, and a page's header may be damaged.

    Raises:
        ImageError: the file cannot be opened at all.
    """
    name = name or ("image" if isinstance(source, bytes) else str(source))
    head = file_head(source, name)
    if is_pdf(head):
        # Loaded on demand: reading pictures alone is quicker without.
        from ocr.image.pdf import pdf_page_count

        file = source if isinstance(source, bytes) else Path(source)
        return [(0, 0)] * pdf_page_count(file, name)
    with open_picture(source, name, head) as image:
        sizes = []
        for number in page_frames(image, name):
            try:
                with quiet():
                    image.seek(number)
                sizes.append((image.height, image.width))
            except DAMAGED:
                sizes.append((0, 0))
        return sizes
