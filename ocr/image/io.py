"""Decode pictures and documents safely: whatever a camera, a scanner or a stranger wrote becomes uint8 RGB or one
clear error."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError, features

from ocr.errors import ConfigError, ImageError
from ocr.image.damage import DAMAGED
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
from ocr.image.rgb import decode
from ocr.image.tiff64 import TIFF_HEADS, open_float64

IMAGE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".tif",
        ".tiff",
        ".bmp",
        ".gif",
        ".pbm",
        ".pgm",
        ".ppm",
        ".pnm",
        ".jp2",
        ".avif",
    ]
)
"""Suffixes of page images that data sets are looked for beside."""

PAGE_SUFFIXES = IMAGE_SUFFIXES | {".pdf", ".heic", ".heif"}
"""Suffixes looked for in folders; a file named on its own is opened whatever its suffix."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""Pillow's names of what every build of it reads."""

_OPTIONAL_FORMATS = {"JPEG2000": "jpg_2000", "AVIF": "avif"}
"""Read where Pillow was built with the library of that name."""

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"RIFF", b"GIF8", b"BM")
"""Beginnings of pictures, which may speak of PDF in their first bytes."""

_PLAIN_CONTRAST = 64
"""Levels of gray in a line from which its colors are of no use."""

_SCANNED_DPI = (100, 2400)
"""Lower resolutions are what programs write that know none."""

# Pillow's own limit is lower than ours and only warns.
Image.MAX_IMAGE_PIXELS = None

_NEW_SUBFILE_TYPE = 254
"""TIFF tag that says what a frame is for."""

_REDUCED_OR_MASK = 0b101
"""Its bits for a version of lower resolution and for a mask."""

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
            raise ImageError(f"{name}: cannot be read ({_reason(error)})") from error
        if isinstance(content, bytes):
            return content
        raise ImageError(f"{name}: open the file for reading bytes, as in open(path, 'rb')")
    raise ImageError(
        f"{type(source).__name__}: expected a path, bytes, a binary file, a Pillow image or a uint8 array"
    )


def load_line(data: bytes, *, name: str) -> np.ndarray:
    """The encoded picture of a line as uint8 gray (h, w) or RGB (h, w, 3), fast where it is safe to be.

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
    low, high = np.percentile(image[::2, ::2], (1, 99))
    if high - low >= _PLAIN_CONTRAST:
        return image
    # Ink that is as bright as its paper is told by its color, if there is any.
    pixels = next(open_pages(data, name=name)).pixels
    return pixels if pixels.ndim == 3 and np.any(pixels != pixels[..., :1]) else image


def load_page(
    source: str | Path | bytes, *, number: int | None, name: str = "", dpi: int | None = None
) -> PageImage:
    """The page of a file that something refers to by its `number`, counted from 1; None where that was not said.

    A number says nothing of a picture that is the only one in its file, as some tools count the files.

    Raises:
        ImageError: the file cannot be read, has no such page, or has several and the number is None.
    """
    name = name or ("image" if isinstance(source, bytes) else str(source))
    head = _head(source, name)
    if is_pdf(head):
        from ocr.image.pdf import pdf_page_count

        count, pictures = pdf_page_count(source if isinstance(source, bytes) else Path(source), name), False
    else:
        with _open(source, name, head) as image:
            count, pictures = len(_frames(image, name)), True
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
    """The wanted pages of a picture, multi-page TIFF or PDF, one at a time: no other is held in memory.

    Args:
        source: as of `load_image`. name: its name in messages; default its path.
        pages: numbers from 1, as in `"1-3,7"`, `2` or `[1, 5]`.
        dpi: pixels an inch that PDF pages are drawn at; None draws scans with the pixels they have, and every other
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
        yield _from_array(source) if isinstance(source, np.ndarray) else _pixels(source, name)
        return
    source = _content(source, name)
    head = _head(source, name)
    if is_pdf(head):
        # Loaded on demand: reading pictures alone is quicker without.
        from ocr.image.pdf import pdf_pages

        yield from pdf_pages(source, name, pages=pages, dpi=dpi, on_error=on_error, limits=pdf_limits)
        return
    with _open(source, name, head) as image:
        frames = _frames(image, name)
        for number in pages.select(len(frames), name):
            where = name if len(frames) == 1 else f"{name}, page {number}"
            try:
                page = _frame(image, frames[number - 1], where, number=number, max_pixels=max_pixels)
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


def _frames(image: Image.Image, name: str) -> list[int]:
    """The frames of a file that are pages, counted from 0."""
    # Only TIFF holds pages: the second picture of a phone's JPEG is a depth map, of a PNG or WebP a movement.
    if image.format != "TIFF":
        return [0]
    try:
        with _quiet():
            count = image.n_frames
    except DAMAGED as error:
        raise ImageError(f"{name}: damaged ({_reason(error)})") from error
    pages = [number for number in range(count) if count == 1 or not _accompanies(image, number)]
    return pages or list(range(count))


def _accompanies(image: Image.Image, number: int) -> bool:
    """True for a frame that is a smaller version or the transparency of another one."""
    try:
        with _quiet():
            image.seek(number)
            kind = image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)
    except DAMAGED:
        return False
    return isinstance(kind, int) and bool(kind & _REDUCED_OR_MASK)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the decoder's warnings: what it can still read is read, and what not is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _head(source: str | Path | bytes, name: str) -> bytes:
    """The first bytes of a file, which tell its kind."""
    if isinstance(source, bytes):
        head = source[:1024]
    elif Path(source).is_dir():
        raise ImageError(f"{name}: is a folder, not a picture")
    else:
        try:
            with open(source, "rb") as file:
                head = file.read(1024)
        except (OSError, ValueError) as error:
            raise ImageError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    if not head:
        raise ImageError(f"{name}: the file is empty")
    return head


def is_pdf(head: bytes) -> bool:
    """True for the beginning of a PDF: other bytes may come before its header, as programs that show PDFs allow."""
    picture = head.startswith(_PICTURES) or head[4:8] in (b"ftyp", b"jP  ")
    return b"%PDF-" in head[:1024] and not picture


def _open(source: str | Path | bytes, name: str, head: bytes) -> Image.Image:
    """Read the header; nothing is decoded yet."""
    formats = (*FORMATS, *(form for form, feature in _OPTIONAL_FORMATS.items() if features.check(feature)))
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        _allow_heif(name)
        formats = ("HEIF",)
    try:
        with _quiet():
            return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats)
    except UnidentifiedImageError as error:
        if head.startswith(TIFF_HEADS) and (image := open_float64(source, name)) is not None:
            return image
        # What comes where an address leads to a page about the picture, or to a login.
        html = head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))
        what = "a web page, not a picture or PDF" if html else "not a picture or PDF"
        raise ImageError(f"{name}: {what} (known: JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, PDF)") from error
    except DAMAGED as error:
        raise ImageError(f"{name}: cannot be opened ({_reason(error)})") from error


def _allow_heif(name: str) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(f"{name}: HEIC needs the extra `heic` (pip install 'ocr[heic]')") from error
    pillow_heif.register_heif_opener()


def _dpi(image: Image.Image) -> float:
    """Pixels an inch if the file tells believably, else 0."""
    try:
        across, down = (float(value) for value in image.info.get("dpi", (0, 0)))
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    low, high = _SCANNED_DPI
    return across if low <= across <= high and abs(across - down) < 0.02 * across else 0.0


def _frame(image: Image.Image, frame: int, where: str, *, number: int, max_pixels: int) -> PageImage:
    """Page `number`, which is the file's frame `frame`, counted from 0."""
    try:
        with _quiet():
            image.seek(frame)
    except DAMAGED as error:
        raise ImageError(f"{where}: damaged ({_reason(error)})") from error
    page = _pixels(image, where, number=number, max_pixels=max_pixels)
    # What was decoded would stay beside it until the next page is wanted.
    image.im = None
    return page


def _pixels(image: Image.Image, name: str, *, number: int = 1, max_pixels: int = MAX_PIXELS) -> PageImage:
    """Decode one frame."""
    check_size(name, height=image.height, width=image.width)
    dpi = _dpi(image)
    try:
        with _quiet():
            pixels, size = decode(image, name, max_pixels=max_pixels)
    except ImageError:
        raise
    except DAMAGED as error:
        raise ImageError(f"{name}: damaged or cut off ({_reason(error)})") from error
    if pixels.shape[:2] == size:
        return PageImage(pixels, number=number, dpi=dpi)
    return PageImage(pixels, number=number, dpi=dpi * pixels.shape[0] / size[0], reduced_from=size)


def _from_array(array: np.ndarray) -> PageImage:
    """Return the pixels of an array with three channels. Raises ImageError for another type or shape."""
    if array.ndim == 3 and array.shape[2:] == (4,) and array.dtype == np.uint8 and array.size:
        return _pixels(Image.fromarray(array), "array")
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


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
