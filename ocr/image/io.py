"""Decode pictures and documents safely: whatever a camera, a scanner or a stranger wrote becomes uint8 RGB or one
clear error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from ocr.errors import ConfigError, ImageError
from ocr.image.contrast import LOW_CONTRAST, contrast_of
from ocr.image.damage import short_reason
from ocr.image.frames import decode_frame, decode_pixels, open_picture, page_frames
from ocr.image.kinds import file_head, is_pdf
from ocr.image.page_image import (
    ALL_PAGES,
    DEFAULT_LIMITS,
    FIRST_PAGE,
    MAX_PIXELS,
    PageImage,
    PageRange,
    PdfLimits,
    check_size,
)
from ocr.image.plain import plain_size

ImageSource = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray
"""A file by its path, its bytes or an open binary file, or an image of Pillow or NumPy."""


def load_image(source: ImageSource) -> np.ndarray:
    """Load one picture as uint8 RGB (h, w, 3); of a multi-page file, the first page.

    EXIF rotation is applied, 16-bit gray is scaled by its own range, transparency lies on white
    (on black where what is opaque is light).

    Args:
        source: a path, the bytes of a file, a file opened for reading bytes, a Pillow image, or an array: uint8
            (h, w), (h, w, 1), (h, w, 3) RGB or (h, w, 4) RGBA.
    Raises:
        ImageError: naming the file and the reason.
    """
    return next(open_pages(source, pages=FIRST_PAGE)).pixels


def name_of(source: ImageSource) -> str:
    """Return the name of a source in messages: its path where it has one."""
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    if isinstance(source, np.ndarray):
        return "array"
    path = getattr(source, "name", None) or getattr(source, "filename", None)
    return path if isinstance(path, str) else "image"


def _content(source: ImageSource, name: str) -> Path | bytes:
    """Return the path or the bytes of an encoded file. Raises ImageError for anything else."""
    if isinstance(source, (str, os.PathLike)):
        return Path(os.fsdecode(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if callable(getattr(source, "read", None)):
        try:
            content = source.read()
        except (OSError, ValueError) as error:
            raise ImageError(f"{name}: cannot be read ({short_reason(error)})") from error
        if isinstance(content, bytes):
            return content
        raise ImageError(f"{name}: open the file for reading bytes, as in open(path, 'rb')")
    raise ImageError(
        f"{type(source).__name__}: expected a path, bytes, a binary file, a Pillow image or a uint8 array"
    )


def load_line(data: bytes, *, name: str) -> np.ndarray:
    """Decode the picture of a line to uint8 gray (h, w) or RGB (h, w, 3), fast where it is safe to be.

    Whole JPEG and opaque 8-bit PNG go through OpenCV straight to gray, five times as fast; everything else, and what
    has color but little contrast in gray, through `load_image` to RGB. The limits of size are the same.

    Raises:
        ImageError: naming it and the reason.
    """
    if not data:
        raise ImageError(f"{name}: empty image")
    size = plain_size(data)
    if size is None:
        return next(open_pages(data, name=name)).pixels
    check_size(name, height=size[0], width=size[1])
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ImageError(f"{name}: image cannot be decoded")
    if contrast_of(image[::2, ::2]) >= LOW_CONTRAST:
        return image
    # Ink that is as bright as its paper is told by its color, if there is any.
    pixels = next(open_pages(data, name=name)).pixels
    return pixels if pixels.ndim == 3 and np.any(pixels != pixels[..., :1]) else image


def load_page(
    source: str | Path | bytes, *, number: int | None, name: str = "", dpi: int | None = None
) -> PageImage:
    """Load the page of a file that something refers to by its `number`, counted from 1; None where it names none.

    A number says nothing of a picture that is the only one in its file, as some tools count the files.

    Raises:
        ImageError: the file cannot be read, has no such page, or has several and the number is None.
    """
    name = name or ("image" if isinstance(source, bytes) else str(source))
    head = file_head(source, name)
    if is_pdf(head):
        from ocr.image.pdf import pdf_page_count

        count, pictures = pdf_page_count(source if isinstance(source, bytes) else Path(source), name), False
    else:
        with open_picture(source, name, head) as image:
            count, pictures = len(page_frames(image, name)), True
    if count == 1 and (number is None or pictures):
        number = 1
    if number is None:
        raise ImageError(f"{name}: has {count} pages, and it is not said which is meant")
    if not 1 <= number <= count:
        raise ImageError(f"{name}: has {count} page{'s' * (count != 1)}, no page {number}")
    pages = PageRange(((number, number),), str(number))
    return next(open_pages(source, name=name, pages=pages, dpi=dpi))


def open_pages(
    source: ImageSource,
    *,
    name: str = "",
    pages: PageRange | str | int | Iterable[int] = ALL_PAGES,
    dpi: int | None = None,
    max_pixels: int = MAX_PIXELS,
    on_error: Callable[[ImageError], None] | None = None,
    pdf_limits: PdfLimits = DEFAULT_LIMITS,
) -> Iterator[PageImage]:
    """Yield the wanted pages of a picture, multi-page TIFF or PDF, one at a time: no other is held in memory.

    Args:
        source: as of `load_image`. name: its name in messages; default its path.
        pages: numbers from 1, as in `"1-3,7"`, `2` or `[1, 5]`.
        dpi: pixels per inch that PDF pages are drawn at; None draws scans with the pixels they have, and every other
            page at `DPI`. Pictures have the pixels they have.
        max_pixels: larger pictures are reduced to about that by a whole number; with the default, none is.
        on_error: is told of each page that cannot be read, and the others follow; without it, the first such page
            is raised.
        pdf_limits: time and memory that a page of a PDF may take.
    Raises:
        ImageError: naming the file, the page and the reason. ConfigError: `dpi` or `pages` are not usable.
    """
    check_dpi(dpi)
    pages = PageRange.of(pages)
    name = name or name_of(source)
    if isinstance(source, (np.ndarray, Image.Image)):
        pages.select(1, name)
        yield _from_array(source) if isinstance(source, np.ndarray) else decode_pixels(source, name)
        return
    source = _content(source, name)
    head = file_head(source, name)
    if is_pdf(head):
        # Loaded on demand: reading pictures alone is quicker without.
        from ocr.image.pdf import pdf_pages

        yield from pdf_pages(source, name, pages=pages, dpi=dpi, on_error=on_error, limits=pdf_limits)
        return
    yield from _pictures(source, name, head, pages=pages, max_pixels=max_pixels, on_error=on_error)


def _pictures(
    source: Path | bytes,
    name: str,
    head: bytes,
    *,
    pages: PageRange,
    max_pixels: int,
    on_error: Callable[[ImageError], None] | None,
) -> Iterator[PageImage]:
    """Yield the wanted pages of a file of pictures, as `open_pages`."""
    with open_picture(source, name, head) as image:
        frames = page_frames(image, name)
        for number in pages.select(len(frames), name):
            where = name if len(frames) == 1 else f"{name}, page {number}"
            try:
                page = decode_frame(image, frames[number - 1], where, number=number, max_pixels=max_pixels)
            except ImageError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            page = replace(page, count=len(frames))
            yield page
            # A page is large, and would stay until the next one has been decoded.
            del page


def check_dpi(dpi: int | None) -> None:
    """Raise ConfigError for a resolution that pages cannot sensibly be drawn at; None leaves it to the pages."""
    if dpi is None:
        return
    if isinstance(dpi, bool) or not isinstance(dpi, (int, float)) or not 20 <= dpi <= 2400:
        raise ConfigError(f"dpi={dpi}: must be from 20 to 2400")


def _from_array(array: np.ndarray) -> PageImage:
    """Return the pixels of an array with three channels. Raises ImageError for another type or shape."""
    if array.ndim == 3 and array.shape[2:] == (4,) and array.dtype == np.uint8 and array.size:
        return decode_pixels(Image.fromarray(array), "array")
    return PageImage(_three_channels(array))


def _three_channels(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise ImageError(
            f"array: must be uint8 (h, w), (h, w, 3) or (h, w, 4), got {array.dtype} {array.shape}"
        )
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 3:
        return array
    raise ImageError(f"array: {array.shape[2]} channels, expected 1, 3 or 4")
