"""Pictures in files: opened by their header, and decoded frame by frame, by Pillow."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, UnidentifiedImageError, features

from ocr.errors import ImageError
from ocr.image.damage import DAMAGED, quiet, short_reason
from ocr.image.page_image import MAX_PIXELS, PageImage, check_size
from ocr.image.plain import JPEG, MAX_SCANS, has_many_scans
from ocr.image.rgb import decode
from ocr.image.tiff64 import TIFF_HEADS, open_float64

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""Pillow's names of what every build of it reads."""

_OPTIONAL_FORMATS = {"JPEG2000": "jpg_2000", "AVIF": "avif"}
"""Read where Pillow was built with the library of that name."""

_SCANNED_DPI = (100, 2400)
"""Lower resolutions are what programs write that know none."""

_NEW_SUBFILE_TYPE = 254
"""TIFF tag that says what a frame is for."""

_REDUCED_OR_MASK = 0b101
"""Its bits for a version of lower resolution and for a mask."""

# Pillow's own limit is lower than ours and only warns.
Image.MAX_IMAGE_PIXELS = None


def open_picture(source: str | Path | bytes, name: str, head: bytes) -> Image.Image:
    """Open a file by its header; nothing is decoded yet. Raises ImageError for one that is no picture."""
    if head.startswith(JPEG):
        _check_scans(source, name)
    formats = (*FORMATS, *(form for form, feature in _OPTIONAL_FORMATS.items() if features.check(feature)))
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        _allow_heif(name)
        formats = ("HEIF",)
    try:
        with quiet():
            return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats)
    except UnidentifiedImageError as error:
        if head.startswith(TIFF_HEADS) and (image := open_float64(source, name)) is not None:
            return image
        # What comes where an address leads to a page about the picture, or to a login.
        html = head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))
        what = "a web page, not a picture or PDF" if html else "not a picture or PDF"
        raise ImageError(f"{name}: {what} (known: JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, PDF)") from error
    except DAMAGED as error:
        raise ImageError(f"{name}: cannot be opened ({short_reason(error)})") from error


def _check_scans(source: str | Path | bytes, name: str) -> None:
    """Raise ImageError for a JPEG that takes very long, whatever its size."""
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise ImageError(f"{name}: {error.strerror}") from error
    if has_many_scans(content):
        raise ImageError(f"{name}: a JPEG of more than {MAX_SCANS} scans, which would take very long")


def _allow_heif(name: str) -> None:
    """Let Pillow open HEIC. Raises ImageError where the library for it is missing."""
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(f"{name}: HEIC needs the extra `heic`, which installs pillow-heif") from error
    pillow_heif.register_heif_opener()


def page_frames(image: Image.Image, name: str) -> list[int]:
    """List the frames of a file that are pages, counted from 0. Raises ImageError for a damaged file."""
    # Only TIFF holds pages: the second picture of a phone's JPEG is a depth map, of a PNG or WebP a movement.
    if image.format != "TIFF":
        return [0]
    try:
        with quiet():
            count = image.n_frames
    except DAMAGED as error:
        raise ImageError(f"{name}: damaged ({short_reason(error)})") from error
    pages = [number for number in range(count) if count == 1 or not _accompanies(image, number)]
    return pages or list(range(count))


def _accompanies(image: Image.Image, number: int) -> bool:
    """Tell whether a frame is a smaller version or the transparency of another one."""
    try:
        with quiet():
            image.seek(number)
            kind = image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)
    except DAMAGED:
        return False
    return isinstance(kind, int) and bool(kind & _REDUCED_OR_MASK)


def decode_frame(image: Image.Image, frame: int, where: str, *, number: int, max_pixels: int) -> PageImage:
    """Decode page `number`, the file's frame `frame` counted from 0. Raises ImageError, beginning with `where`."""
    try:
        with quiet():
            image.seek(frame)
    except DAMAGED as error:
        raise ImageError(f"{where}: damaged ({short_reason(error)})") from error
    page = decode_pixels(image, where, number=number, max_pixels=max_pixels)
    # What was decoded would stay beside it until the next page is wanted.
    image.im = None
    return page


def decode_pixels(
    image: Image.Image, name: str, *, number: int = 1, max_pixels: int = MAX_PIXELS
) -> PageImage:
    """Decode the current frame of an image. Raises ImageError, beginning with `name`."""
    check_size(name, height=image.height, width=image.width)
    dpi = _dpi(image)
    try:
        with quiet():
            pixels, size = decode(image, name, max_pixels=max_pixels)
    except ImageError:
        raise
    except DAMAGED as error:
        raise ImageError(f"{name}: damaged or cut off ({short_reason(error)})") from error
    if pixels.shape[:2] == size:
        return PageImage(pixels, number=number, dpi=dpi)
    return PageImage(pixels, number=number, dpi=dpi * pixels.shape[0] / size[0], reduced_from=size)


def _dpi(image: Image.Image) -> float:
    """Return the pixels per inch, 0 where the file tells none that is likely."""
    try:
        across, down = (float(value) for value in image.info.get("dpi", (0, 0)))
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    low, high = _SCANNED_DPI
    return across if low <= across <= high and abs(across - down) < 0.02 * across else 0.0
