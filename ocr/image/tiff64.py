"""TIFF of 64-bit floating-point gray, as programs for science write it, which Pillow does not open."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ocr.errors import ImageError, shortened
from ocr.image.damage import DAMAGED
from ocr.image.page_image import check_size

TIFF_HEADS = (b"II*\0", b"MM\0*")

_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _SAMPLES, _SAMPLE_FORMAT = 256, 257, 258, 277, 339
"""TIFF tags."""

_FLOAT = 3


def open_float64(source: str | Path | bytes, name: str) -> Image.Image | None:
    """Read the first page of such a file as 32-bit floating-point gray; None for any other file.

    Raises:
        ImageError: its size is beyond the limits, or its pixels are damaged.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    try:
        directory = ImageFileDirectory_v2(data[:8])
        stream = io.BytesIO(data)
        stream.seek(directory.next)
        directory.load(stream)
        kind = (directory.get(_BITS_PER_SAMPLE), directory.get(_SAMPLE_FORMAT), directory.get(_SAMPLES, 1))
        height, width = directory.get(_HEIGHT), directory.get(_WIDTH)
    except DAMAGED:
        return None
    if kind not in (((64,), (_FLOAT,), 1), (64, _FLOAT, 1)):
        return None
    if not isinstance(height, int) or not isinstance(width, int):
        return None
    check_size(name, height=height, width=width)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f"{name}: damaged ({shortened(error)})") from error
    if pixels is None or pixels.shape != (height, width):
        raise ImageError(f"{name}: damaged or cut off")
    with np.errstate(over="ignore"):
        return Image.fromarray(pixels.astype(np.float32))
