"""Work on pages: reading them and writing results. All functions run in threads of `Worker`."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ocr.demo.limits import Limits
from ocr.demo.session import Upload, UploadPage
from ocr.errors import ImageError
from ocr.geometry import rectify_line
from ocr.image.headers import page_sizes
from ocr.image.io import open_pages
from ocr.image.page_image import PageImage, PageRange
from ocr.inference.inputs import Source
from ocr.inference.orientation import turned_back
from ocr.inference.reader import Reader
from ocr.output import WRITERS, choose_writers
from ocr.output.results import Results
from ocr.types import Page

CROP_HEIGHT = 96
"""Height in pixels of the pictures of lines: larger than the input of recognizers, for people to see more."""

MAX_SHOWN_PIXELS, MAX_SHOWN_SIDE, THUMBNAIL = 8e6, 30_000, 240
"""Pixels, and longer side in pixels, of pictures of pages, so that very long pages are sharp, too; longer side of
thumbnails."""

PICTURED = frozenset(form for form, writer in WRITERS.items() if writer.uses_image)
"""Formats that are made with the picture of the page."""

IN_ONE = frozenset({"txt", "md", "docx", "pdf", "html"}) & WRITERS.keys()
"""Formats of which people want one file for all pages of all their files."""


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
    image = checked_image(document, sheet, limits)
    page = _read(reader, image, sheet.rotation, source=document.name)
    for number, line in enumerate(page.lines):
        crop = rectify_line(image.pixels, line.polygon, line.baseline, height=CROP_HEIGHT).image
        Image.fromarray(crop).save(sheet.crop(number), compress_level=1)
    _show(np.rot90(image.pixels, page.rotation // 90), sheet)
    return page


def _read(reader: Reader, image: PageImage, rotation: int | None, *, source: str) -> Page:
    """Read a page, at the rotation that a person set where that is not None."""
    if rotation is None:
        return reader.read_page(image, source=source)
    turns, size = rotation // 90, image.pixels.shape[:2]
    pixels = np.ascontiguousarray(np.rot90(image.pixels, turns))
    page = reader.changed(orientation="keep").read_page(replace(image, pixels=pixels), source=source)
    page.lines = turned_back(page.lines, size, turns)
    (page.height, page.width), page.rotation = size, rotation
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

    Returns the file, or a ZIP of the files where the format has one per page.

    Raises:
        ConfigError: there is no such format. ImageError: a page cannot be decoded. OSError: no space.
    """
    stem = Path(document.name).stem
    _export(document, pages, form, folder / "files", stem)
    return _single(folder, f"{stem}.{form}.zip")


def export_all(documents: Sequence[tuple[Upload, Sequence[Page]]], form: str, folder: Path) -> Path:
    """Write the pages of all documents into the empty `folder`: as one file in the formats `IN_ONE`, else as a ZIP.

    Raises:
        ConfigError, ImageError, OSError: as `export`.
    """
    (writer,) = choose_writers([form])
    if form in IN_ONE:
        path, number = folder / f"pages{writer.suffix}", 0
        with writer.document(path, None) as file:
            for document, pages in documents:
                for page in pages:
                    number += 1
                    pixels = page_image(document, page.number).pixels if form in PICTURED else None
                    file.add(replace(page, number=number), pixels)
                    del pixels
        return path
    stems: Counter[str] = Counter()
    for document, pages in documents:
        stem = Path(document.name).stem
        # Upper and lower case are the same on some disks.
        count = stems[stem.casefold()] = stems[stem.casefold()] + 1
        name = stem if count == 1 else f"{stem} ({count})"
        _export(document, pages, form, folder / "files", name)
    return _single(folder, f"pages.{form}.zip")


def _export(document: Upload, pages: Sequence[Page], form: str, folder: Path, stem: str) -> None:
    results = Results(str(folder), choose_writers([form]))
    with results.of(Source(document.path, Path(stem)), document.path) as files:
        for page in pages:
            pixels: np.ndarray | None = None
            if form in PICTURED:
                pixels = page_image(document, page.number).pixels
            files.add(page, pixels, pages=len(document.sheets))
            # A page is large, and would stay until the next one has been decoded.
            del pixels


def _single(folder: Path, name: str) -> Path:
    """Return the only file of the subfolder `files`, or a ZIP of its files called `name`."""
    written = sorted((folder / "files").iterdir(), key=lambda file: (len(file.name), file.name))
    if len(written) == 1:
        return written[0]
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in written:
            archive.write(file, file.name)
    shutil.rmtree(folder / "files")
    return path


def _show(pixels: np.ndarray, sheet: UploadPage) -> None:
    """Write the upright page, (h, w, 3), as it is looked at."""
    picture = Image.fromarray(pixels)
    height, width = pixels.shape[:2]
    scale = min(1.0, (MAX_SHOWN_PIXELS / (height * width)) ** 0.5, MAX_SHOWN_SIDE / max(height, width))
    picture.thumbnail((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BICUBIC)
    picture.save(sheet.picture(), quality=85)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    picture.save(sheet.thumbnail(), quality=80)
