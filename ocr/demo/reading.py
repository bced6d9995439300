"""Work on pages: reading them and writing results. All functions run in threads of `Worker`."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ocr.demo.limits import Limits
from ocr.demo.session import READING, Upload, UploadPage
from ocr.errors import ImageError
from ocr.geometry import rectify_line
from ocr.image.headers import page_sizes
from ocr.image.io import open_pages
from ocr.image.page_image import PageImage, PageRange
from ocr.inference.inputs import Source
from ocr.inference.reader import Reader
from ocr.output import choose_writers
from ocr.output.results import Results
from ocr.types import Page

CROP_HEIGHT = 96
"""Height in pixels of the pictures of lines: larger than the input of recognizers, for people to see more."""

MAX_SIDE, THUMBNAIL = 2400, 240
"""Longer side in pixels of pictures of pages and of thumbnails."""

PICTURED = frozenset({"pdf", "html", "draw"})
"""Formats that contain the picture of the page."""


def add_sheets(document: Upload, limits: Limits) -> None:
    """Add the pages of its file to a document.

    Raises:
        ImageError: the file is no picture or PDF. LimitError: it has too many pages, or its only page is too large.
    """
    sizes = page_sizes(document.path, name=document.name)
    limits.check_pages(document.name, held=0, added=len(sizes))
    if len(sizes) == 1:
        limits.check_pixels(document.name, sizes[0])
    for number, size in enumerate(sizes, start=1):
        folder = document.path.parent / str(number)
        folder.mkdir()
        document.sheets.append(UploadPage(number, folder, size))


def read_sheet(reader: Reader, document: Upload, sheet: UploadPage, limits: Limits) -> Page:
    """Read a page, and write its pictures into its folder.

    Raises:
        ImageError: the page cannot be decoded. LimitError: it is too large. OSError: a picture cannot be written.
    """
    sheet.state = READING
    image = checked_image(document, sheet, limits)
    page = reader.read_page(image, source=document.name)
    for number, line in enumerate(page.lines):
        crop = rectify_line(image.pixels, line.polygon, line.baseline, height=CROP_HEIGHT).image
        Image.fromarray(crop).save(sheet.crop(number), compress_level=1)
    _show(np.rot90(image.pixels, page.rotation // 90), sheet)
    return page


def recognize(reader: Reader, document: Upload, sheet: UploadPage, limits: Limits) -> Page:
    """Read a page without writing pictures. Raises ImageError and LimitError as `read_sheet`."""
    return reader.read_page(checked_image(document, sheet, limits), source=document.name)


def checked_image(document: Upload, sheet: UploadPage, limits: Limits) -> PageImage:
    """Decode a page within the limits. Raises ImageError and LimitError."""
    where = document.where(sheet)
    limits.check_pixels(where, sheet.size)
    image = page_image(document, sheet.number)
    # A PDF's page gets its size by being drawn.
    limits.check_pixels(where, image.pixels.shape[:2])
    return image


def page_image(document: Upload, number: int) -> PageImage:
    """The pixels of a page. Raises ImageError."""
    pages = PageRange(((number, number),), str(number))
    for image in open_pages(document.path, name=document.name, pages=pages):
        return image
    raise ImageError(f"{document.name}, page {number}: cannot be read")


def export(document: Upload, pages: Sequence[Page], form: str, folder: Path) -> Path:
    """Write `pages` of a document in a format of `ocr.output` into the empty `folder`, named as by `ocr read`.

    Returns the file, or a ZIP of the files where the format has one a page.

    Raises:
        ConfigError: there is no such format. ImageError: a page cannot be decoded. OSError: no space.
    """
    stem = Path(document.name).stem
    results = Results(str(folder / "files"), choose_writers([form]))
    with results.of(Source(document.path, Path(stem)), document.path) as files:
        for page in pages:
            pixels: np.ndarray | None = None
            if form in PICTURED:
                pixels = page_image(document, page.number).pixels
            files.add(page, pixels, pages=len(document.sheets))
            # A page is large, and would stay until the next one has been decoded.
            del pixels
    written = sorted((folder / "files").iterdir(), key=lambda file: (len(file.name), file.name))
    if len(written) == 1:
        return written[0]
    path = folder / f"{stem}.{form}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in written:
            archive.write(file, file.name)
    shutil.rmtree(folder / "files")
    return path


def _show(pixels: np.ndarray, sheet: UploadPage) -> None:
    """Write the upright page, (h, w, 3), as it is looked at."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BICUBIC)
    picture.save(sheet.picture(), quality=85)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    picture.save(sheet.thumbnail(), quality=80)
