"""Encoded line images to grey pixels, fast where it is safe to be."""

from __future__ import annotations

import io
import math
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ocr.errors import DataError, ImageError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def decode_line(data: bytes, *, name: str) -> np.ndarray:
    """Decode one line image.

    JPEG and opaque PNG go through OpenCV straight to grey (h, w); everything else, alpha channels included,
    through `ocr.image.io.load_image` to RGB (h, w, 3). Both are uint8.

    Raises:
        DataError: the bytes are not a picture; the message starts with `name`.
    """
    if not data:
        raise DataError(f"{name}: empty image")
    if data.startswith(_JPEG) or (data.startswith(_PNG) and _is_opaque(data)):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise DataError(f"{name}: image cannot be decoded")
        return image
    from ocr.image.io import load_image

    try:
        return load_image(data)
    except ImageError as error:
        raise DataError(f"{name}: {error}") from error


def load_line(path: Path, *, name: str) -> np.ndarray:
    """`decode_line` of a file.

    Raises:
        DataError: the file is missing or not a picture; the message starts with `name`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}") from error
    return decode_line(data, name=name)


def image_aspect(image: Path | bytes) -> float:
    """Width / height from the header of a picture, NaN where it cannot be read."""
    try:
        with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as picture:
            return picture.width / picture.height
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError):
        return math.nan


def _is_opaque(png: bytes) -> bool:
    # Byte 25 is the colour type (4 and 6 have alpha); a tRNS chunk, if any, precedes the first IDAT.
    return len(png) > 25 and png[25] not in (4, 6) and b"tRNS" not in png[: max(0, png.find(b"IDAT"))]
