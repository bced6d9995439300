"""Encoded line images to gray pixels, within the limits of `ocr.image.io`."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from ocr.errors import DataError, ImageError
from ocr.image.damage import DAMAGED
from ocr.image.io import load_line as decode_image


def decode_line(data: bytes, *, name: str) -> np.ndarray:
    """Decode one line image to uint8 gray (h, w) or RGB (h, w, 3), see `ocr.image.io.load_line`.

    Raises:
        DataError: the bytes are not a picture, or a larger one than any page; the message starts with `name`.
    """
    try:
        return decode_image(data, name=name)
    except ImageError as error:
        raise DataError(str(error)) from error


def load_line(path: Path, *, name: str) -> np.ndarray:
    """Decode a file as `decode_line` does.

    Raises:
        DataError: the file is missing or not a picture; the message starts with `name`.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    return decode_line(data, name=name)


def image_aspect(image: Path | bytes) -> float:
    """Width / height from the header of a picture, NaN where it cannot be read."""
    try:
        with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as picture:
            return picture.width / picture.height if picture.height else math.nan
    except (*DAMAGED, Image.DecompressionBombError):
        return math.nan
