"""Pictures that OpenCV decodes to gray exactly as they are meant: whole JPEG, and opaque PNG of at most 8 bits."""

from __future__ import annotations

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that start a frame, with its size."""

_WITHOUT_SEGMENT = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a segment after them."""


def plain_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) as the header of such a picture tells; None for every other."""
    if data.startswith(_PNG):
        return struct.unpack_from(">II", data, 16)[::-1] if _is_plain_png(data) else None
    # OpenCV fills up the missing part of a cut-off file with gray and says nothing.
    if data.startswith(_JPEG) and data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return _jpeg_size(data)
    return None


def _is_plain_png(data: bytes) -> bool:
    # Byte 24 is the bit depth, byte 25 the color type (4 and 6 have alpha); a tRNS chunk, if any, precedes the
    # first IDAT, and IEND ends a file that is whole.
    if len(data) < 33 or data[-8:-4] != b"IEND":
        return False
    return data[24] <= 8 and data[25] not in (4, 6) and b"tRNS" not in data[: max(0, data.find(b"IDAT"))]


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return (height, width) if height and width else None
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_SEGMENT:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None
