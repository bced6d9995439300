"""Picture of a page as an image of a PDF: the stream of a JPEG file as it is, else encoded anew."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image

from ocr.image.damage import DAMAGED
from ocr.output.pdf_objects import PdfObjects

QUALITY = 90
"""JPEG quality of pages with colors or shades of gray."""

_SPACES = {"L": "Gray", "RGB": "RGB", "CMYK": "CMYK"}
"""Color spaces of PDF by the modes of Pillow."""

_PROFILES = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
"""Color spaces in the header of an ICC profile (ISO 15076-1, 7.2.6)."""

_UPRIGHT = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}
"""Matrices of PDF that put the unit square of an image upright, by its orientation in EXIF."""


class Picture(NamedTuple):
    """An image as a stream of a PDF."""

    data: bytes
    fields: dict[str, str]
    profile: bytes = b""
    """ICC profile; empty for the color space of the device."""
    upright: tuple[int, ...] = _UPRIGHT[1]
    """Matrix that puts the unit square of the image upright."""

    def write(self, objects: PdfObjects) -> int:
        """Write the image; returns its number."""
        fields = dict(self.fields)
        if self.profile:
            count = {"/DeviceGray": 1, "/DeviceRGB": 3, "/DeviceCMYK": 4}[fields["ColorSpace"]]
            description = {"N": str(count), "Alternate": fields["ColorSpace"], "Filter": "/FlateDecode"}
            profile = objects.stream(zlib.compress(self.profile), description)
            fields["ColorSpace"] = f"[/ICCBased {profile} 0 R]"
        return objects.stream(self.data, fields)


def encode_picture(image: np.ndarray, original: Path | bytes | None = None) -> Picture:
    """Encode the uint8 (h, w, 3) RGB pixels of a page, or keep the JPEG file that they were decoded from."""
    return _jpeg(original, image.shape[:2]) or _encode(image)


def _encode(image: np.ndarray) -> Picture:
    """Encode black and white without loss at one bit per pixel, other images as JPEG."""
    height, width = image.shape[:2]
    gray = bool((image == image[:, :, :1]).all())
    plane = image[:, :, 0] if gray else image
    space = "Gray" if gray else "RGB"
    if gray and bool(((plane == 0) | (plane == 255)).all()):
        data = zlib.compress(np.packbits(plane > 0, axis=1).tobytes())
        return Picture(data, _fields((height, width), space, bits=1, filter_name="/FlateDecode"))
    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, format="JPEG", quality=QUALITY)
    return Picture(buffer.getvalue(), _fields((height, width), space))


def _jpeg(original: Path | bytes | None, size: tuple[int, int]) -> Picture | None:
    """Take over a JPEG file; None where it is none, or not that of an image of `size` (height, width)."""
    if original is None:
        return None
    try:
        data = original if isinstance(original, bytes) else original.read_bytes()
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            profile = image.info.get("icc_profile") or b""
            # What follows the first image, such as the depth map of a phone, is not shown.
            first = image.mpinfo[0xB002][0]["Size"] if image.format == "MPO" else len(data)
    except DAMAGED:
        return None
    raw = (image.height, image.width)
    upright = _UPRIGHT.get(orientation, _UPRIGHT[1])
    if image.mode not in _SPACES or not _same_shape(raw if upright[0] else raw[::-1], size):
        return None
    fields = _fields(raw, _SPACES[image.mode])
    if image.mode == "CMYK" and "adobe" in image.info:
        # Programs of Adobe store ink as lack of light, and others have followed.
        fields["Decode"] = "[1 0 1 0 1 0 1 0]"
    if profile[16:20] != _PROFILES[image.mode]:
        profile = b""
    return Picture(data[:first], fields, profile, upright)


def _same_shape(raw: tuple[int, int], size: tuple[int, int]) -> bool:
    """Return True where `size` is `raw`, or a whole part of it, to a pixel."""
    factor = max(1, round(raw[0] / size[0]))
    return all(abs(side / factor - reduced) <= 1 for side, reduced in zip(raw, size, strict=True))


def _fields(
    size: tuple[int, int], space: str, *, bits: int = 8, filter_name: str = "/DCTDecode"
) -> dict[str, str]:
    return {
        "Type": "/XObject",
        "Subtype": "/Image",
        "Width": str(size[1]),
        "Height": str(size[0]),
        "ColorSpace": f"/Device{space}",
        "BitsPerComponent": str(bits),
        "Filter": filter_name,
    }
