"""Pictures, and files of them."""

import io
import math
import struct
import zlib

import numpy as np
from PIL import Image


def picture(width: int, value: int = 0, height: int = 16) -> np.ndarray:
    """White (height, width) with a bar of grey `value` in its left half."""
    image = np.full((height, width), 255, np.uint8)
    image[4:12, : width // 2] = value
    return image


def encoded(*pages: Image.Image, form: str = "PNG", **options) -> bytes:
    """A file of one picture or several."""
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    pages[0].save(buffer, format=form, **more, **options)
    return buffer.getvalue()


def noise(form: str = "PNG", size: tuple[int, int] = (64, 16)) -> bytes:
    """A file of gray noise, `size` (width, height)."""
    width, height = size
    return encoded(
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width), np.uint8)), form=form
    )


def png(image: np.ndarray) -> bytes:
    """PNG bytes of a uint8 image."""
    return encoded(Image.fromarray(image))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds hardly any pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 64)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tiff(values: np.ndarray, *, sample_format: int) -> bytes:
    """An uncompressed gray TIFF of 32 or 64 bits."""
    data = values.tobytes()
    height, width = values.shape
    tags = {
        256: width,
        257: height,
        258: 8 * values.itemsize,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: height,
        279: len(data),
    }
    tags[339] = sample_format
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + directory + struct.pack("<I", 0)


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive gray JPEG; each scan but the first tells in a few bytes that all blocks are empty."""

    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    def packed(bits):
        bits += "1" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")

    blocks = math.ceil(side / 8) ** 2
    frame = struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"
    one_code = bytes([1] + [0] * 15)
    tables = segment(0xDB, b"\0" + bytes([1] * 64)) + segment(0xC2, frame)
    tables += segment(0xC4, b"\x00" + one_code + b"\x00") + segment(0xC4, b"\x10" + one_code + b"\xe0")
    first = segment(0xDA, b"\1\1\0\0\0\0") + packed("0" * blocks)
    other = segment(0xDA, b"\1\1\0\x01\x3f\x00") + packed(("0" + "1" * 14) * math.ceil(blocks / 32767))
    return b"\xff\xd8" + tables + first + other * (scans - 1) + b"\xff\xd9"
