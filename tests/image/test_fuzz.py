"""Damaged files by the hundred: a page, or an ImageError of one line that names the file, and never anything else.

The seeds are fixed; FUZZ_ROUNDS=50 in the environment damages fifty times as many.
"""

import io
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr.errors import ImageError
from ocr.image.io import open_pages
from ocr.image.page_image import MAX_PIXELS
from tests.helpers.pdf import write_pdf

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "1"))


def picture(kind: str, mode: str = "RGB", **options) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    frame = Image.fromarray(pixels).convert(mode)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    buffer = io.BytesIO()
    frame.save(buffer, kind, exif=exif, dpi=(300, 300), **options)
    return buffer.getvalue()


def document(folder: Path) -> bytes:
    text = "BT /F 12 Tf 10 40 Td (born digital) Tj ET"
    return write_pdf(folder / "whole.pdf", [text, "0.5 g 0 0 9 9 re f"]).read_bytes()


def tiff_of_pages() -> bytes:
    return picture("TIFF", compression="tiff_lzw", save_all=True, append_images=[Image.new("L", (9, 9))])


WHOLE = {
    "JPEG": lambda folder: picture("JPEG"),
    "progressive JPEG": lambda folder: picture("JPEG", progressive=True),
    "CMYK JPEG": lambda folder: picture("JPEG", "CMYK"),
    "PNG": lambda folder: picture("PNG"),
    "PNG with a palette": lambda folder: picture("PNG", "P"),
    "TIFF": lambda folder: picture("TIFF"),
    "TIFF of pages": lambda folder: tiff_of_pages(),
    "fax": lambda folder: picture("TIFF", "1", compression="group4"),
    "WebP": lambda folder: picture("WEBP"),
    "BMP": lambda folder: picture("BMP"),
    "PDF": document,
}


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, mostly near the start, where the headers are; pieces cut out or doubled; the end lost."""
    bad = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        where = int(rng.integers(0, len(bad)) if rng.random() < 0.5 else rng.integers(0, min(len(bad), 160)))
        length = int(rng.integers(1, 40))
        match rng.integers(0, 6):
            case 0:
                bad[where] = int(rng.integers(0, 256))
            case 1:
                bad[where] ^= 1 << int(rng.integers(0, 8))
            case 2:
                bad[where : where + 4] = bytes([int(rng.choice([0, 255, 127, 128]))]) * 4
            case 3:
                del bad[where : where + length]
            case 4:
                bad[where:where] = bad[where : where + length]
            case 5:
                del bad[max(where, 12) :]
        bad = bad or bytearray(b"\0")
    return bytes(bad)


def checksums_mended(content: bytes) -> bytes:
    """A PNG whose damage is not found by its checksums alone."""
    mended, start = content[:8], 8
    while start + 8 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], "big")
        body = content[start + 4 : end]
        mended += content[start : start + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        start = end + 4
    return mended


@pytest.mark.parametrize("kind", WHOLE)
def test_damaged_files_are_pages_or_one_line(kind, tmp_path, monkeypatch):
    # A damaged size would cost time and memory here, and nothing else.
    monkeypatch.setattr("ocr.image.page_image.MAX_PIXELS", 1_000_000)
    monkeypatch.setattr("ocr.image.pdf.ENOUGH_PIXELS", 100_000)
    whole = WHOLE[kind](tmp_path)
    rng = np.random.default_rng(len(kind))
    read = refused = 0
    for number in range(80 * ROUNDS):
        content = damage(whole, rng)
        if kind.startswith("PNG") and number % 4:
            content = checksums_mended(content)
        (tmp_path / "last").write_bytes(content)  # what is left of a crash
        told: list[ImageError] = []
        try:
            for page in open_pages(content, name="letter", dpi=50, max_pixels=500, on_error=told.append):
                assert page.pixels.dtype == np.uint8 and page.pixels.shape[2:] == (3,)
                assert 0 < page.pixels.size <= 3 * MAX_PIXELS
                read += 1
        except ImageError as error:
            told.append(error)
        for error in told:
            refused += 1
            assert str(error).startswith("letter") and "\n" not in str(error)
    assert read and refused, "both happen, or the damage is too small or too great"
