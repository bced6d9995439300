"""Files become image structs: one row a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ocr.errors import ImageError
from ocr.image.io import open_pages
from ocr.image.page_image import PageImage
from ocr.spark.enums import ImageType
from ocr.spark.worker import EXCEPTION, FAILURES, Row, RowMap, reason

PAGENUM = "pagenum"
"""Column with the page's position in its file, counted from 0."""

CHANNELS = {0: 1, 16: 3, 24: 4}
"""OpenCV's codes for 8-bit images (`mode`) and their channels."""


def to_struct(image: np.ndarray, *, origin: str, resolution: int = 0) -> Row:
    """An image struct of uint8 pixels, (h, w, 3) RGB or (h, w) gray."""
    height, width = image.shape[:2]
    gray = image.ndim == 2
    pixels = image if gray else image[:, :, ::-1]
    return {
        "origin": origin,
        "height": height,
        "width": width,
        "nChannels": 1 if gray else 3,
        "mode": 0 if gray else 16,
        "resolution": resolution,
        "data": np.ascontiguousarray(pixels).tobytes(),
    }


def from_struct(struct: Row) -> np.ndarray:
    """uint8 (h, w, 3) RGB pixels of an image struct, Spark's own or ours; transparency lies on white.

    Raises:
        ImageError: a mode that is not 8-bit, or data of another size than the struct says.
    """
    name, mode = struct["origin"] or "image", struct["mode"]
    height, width, data = struct["height"], struct["width"], struct["data"] or b""
    if mode not in CHANNELS:
        raise ImageError(f"{name}: mode {mode} is not an 8-bit image of 1, 3 or 4 channels")
    channels = CHANNELS[mode]
    if min(height, width) < 1 or len(data) != height * width * channels:
        raise ImageError(f"{name}: {len(data)} bytes of data for {height} x {width} x {channels}")
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, channels)
    if channels == 1:
        return np.repeat(pixels, 3, axis=2)
    colors = np.ascontiguousarray(pixels[:, :, 2::-1])
    if channels == 3:
        return colors
    alpha = pixels[:, :, 3:].astype(np.float32) / 255
    return np.round(colors * alpha + 255 * (1 - alpha)).astype(np.uint8)


@dataclass(frozen=True)
class Decode(RowMap):
    """The pages of each file in column `content`; a page that cannot be read ends its file with an exception row."""

    content: str
    origin: str | None
    output: str
    image_type: ImageType

    def compute(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        """Compute the new columns of each row; see `RowMap`."""
        for index, row in enumerate(rows):
            origin = (row[self.origin] if self.origin else None) or ""
            for number, page in enumerate(file_pages(row[self.content], origin)):
                if isinstance(page, str):
                    yield index, {PAGENUM: number, EXCEPTION: page}
                else:
                    yield index, {PAGENUM: number, self.output: self._struct(page, origin)}

    def _struct(self, page: PageImage, origin: str) -> Row:
        gray = self.image_type == ImageType.TYPE_BYTE_GRAY
        pixels = cv2.cvtColor(page.pixels, cv2.COLOR_RGB2GRAY) if gray else page.pixels
        return to_struct(pixels, origin=origin, resolution=round(page.dpi))


def file_pages(content: bytes | None, origin: str) -> Iterator[PageImage | str]:
    """The pages of a file called `origin`, and last, if reading failed, the reason as text."""
    pages = open_pages(content or b"", name=origin)
    while True:
        try:
            page = next(pages, None)
        except FAILURES as error:
            yield reason(error)
            return
        if page is None:
            return
        yield page
