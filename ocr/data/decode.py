"""Encoded line images to grey pixels, fast where it is safe to be."""

from __future__ import annotations

import cv2
import numpy as np

from ocr.errors import ImageError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def decode_line(data: bytes, *, name: str) -> np.ndarray:
    """Decode one line image.

    JPEG and opaque PNG go through OpenCV straight to grey (h, w); everything else, alpha channels included,
    through `ocr.image.io.load_image` to RGB (h, w, 3). Both are uint8.

    Raises:
        ImageError: the bytes are not a picture; the message starts with `name`.
    """
    if not data:
        raise ImageError(f"{name}: empty image")
    if data.startswith(_JPEG) or (data.startswith(_PNG) and _is_opaque(data)):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise ImageError(f"{name}: image cannot be decoded")
        return image
    from ocr.image.io import load_image

    try:
        return load_image(data)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error


def _is_opaque(png: bytes) -> bool:
    # Byte 25 is the colour type (4 and 6 have alpha); a tRNS chunk, if any, precedes the first IDAT.
    return len(png) > 25 and png[25] not in (4, 6) and b"tRNS" not in png[: max(0, png.find(b"IDAT"))]
