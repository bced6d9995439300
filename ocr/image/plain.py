"""Pictures that OpenCV decodes to gray exactly as they are meant: whole JPEG, and opaque PNG of at most 8 bits."""

from __future__ import annotations

import re
import struct

_PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that start a frame, with its size."""

_WITHOUT_SEGMENT = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a segment after them."""


_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""A JPEG marker that is not one of those inside of a scan."""

_SCAN, _END = 0xDA, 0xD9

MAX_SCANS = 100
"""Of a progressive JPEG; encoders write about 10. One of a few bytes can be told to go through the whole picture."""


def plain_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) as the header of such a picture tells; None for every other."""
    if data.startswith(_PNG):
        return struct.unpack_from(">II", data, 16)[::-1] if _is_plain_png(data) else None
    # OpenCV fills up the missing part of a cut-off file with gray and says nothing.
    if data.startswith(JPEG) and not has_many_scans(data) and data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return _jpeg_size(data)
    return None


_NOT_PLAIN = frozenset({b"tRNS", b"acTL", b"fcTL", b"fdAT"})
"""PNG chunks of transparency and of animations."""


def _is_plain_png(data: bytes) -> bool:
    # Byte 24 is the bit depth, byte 25 the color type (4 and 6 have alpha).
    if len(data) < 33 or data[12:16] != b"IHDR" or data[24] > 8 or data[25] in (4, 6):
        return False
    at = 8
    # OpenCV takes memory for as many bytes as a chunk announces, up to 4 GB, before it looks for them.
    while at + 12 <= len(data):
        kind = data[at + 4 : at + 8]
        if kind in _NOT_PLAIN:
            return False
        at += 12 + struct.unpack_from(">I", data, at)[0]
        if kind == b"IEND":
            return at == len(data)
    return False


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


def has_many_scans(data: bytes) -> bool:
    """Return True for a JPEG that has more than `MAX_SCANS` scans, each of which costs as much as a whole picture."""
    at, scans, progressive = 2, 0, False
    while (found := _MARKER.search(data, at)) is not None:
        marker = data[found.start() + 1]
        if (
            marker == _END
            or (marker in _FRAMES and marker not in _PROGRESSIVE)
            or found.end() + 2 > len(data)
        ):
            return False
        progressive |= marker in _PROGRESSIVE
        scans += marker == _SCAN
        if progressive and scans > MAX_SCANS:
            return True
        at = found.end() + struct.unpack_from(">H", data, found.end())[0]
    return False
