"""Decode pictures safely: whatever a camera, a scanner or a stranger wrote becomes uint8 RGB or one clear error."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ocr.errors import ImageError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
"""Suffixes looked for in folders; a file named on its own is opened whatever its suffix."""

MAX_PIXELS = 300_000_000
"""Larger pictures are refused by their header, before any memory is taken for them."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")

# Pillow's own limit is lower than ours and only warns.
Image.MAX_IMAGE_PIXELS = None

# What Pillow's decoders raise on damaged data.
_DAMAGED = (
    struct.error,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
)


def load_image(source: str | Path | bytes | Image.Image | np.ndarray) -> np.ndarray:
    """One picture as uint8 RGB (h, w, 3); of a multi-page file, the first page.

    EXIF rotation is applied, 16-bit grey is scaled by its own range, transparency lies on white.

    Args:
        source: a path, the bytes of a file, a Pillow image, or an array: uint8 (h, w), (h, w, 1), (h, w, 3) RGB
            or (h, w, 4) RGBA.
    Raises:
        ImageError: naming the file and the reason.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _to_rgb(source, "image")
    return next(_pages(source))


def load_pages(source: str | Path | bytes) -> Iterator[np.ndarray]:
    """Every page of a file as uint8 RGB (h, w, 3), one at a time. Raises ImageError as `load_image`."""
    yield from _pages(source)


def _pages(source: str | Path | bytes) -> Iterator[np.ndarray]:
    name = "image" if isinstance(source, bytes) else str(source)
    with _open(source, name) as image:
        count = _page_count(image, name)
        for number in range(count):
            where = name if count == 1 else f"{name}, page {number + 1}"
            try:
                with _quiet():
                    image.seek(number)
            except _DAMAGED as error:
                raise ImageError(f"{where}: damaged ({_reason(error)})") from error
            yield _to_rgb(image, where)


def _page_count(image: Image.Image, name: str) -> int:
    # Only TIFF holds pages: the second picture of a phone's JPEG is a depth map, of a PNG or WebP a movement.
    if image.format != "TIFF":
        return 1
    try:
        with _quiet():
            return image.n_frames
    except _DAMAGED as error:
        raise ImageError(f"{name}: damaged ({_reason(error)})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the decoder's warnings: what it can still read is read, and what not is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _open(source: str | Path | bytes, name: str) -> Image.Image:
    """Read the header; nothing is decoded yet."""
    if isinstance(source, bytes):
        stream: io.BytesIO | Path = io.BytesIO(source)
        empty = not source
    else:
        stream = Path(source)
        if stream.is_dir():
            raise ImageError(f"{name}: is a folder, not a picture")
        try:
            empty = stream.stat().st_size == 0
        except (OSError, ValueError) as error:
            raise ImageError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    if empty:
        raise ImageError(f"{name}: the file is empty")
    try:
        with _quiet():
            image = Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: not a picture (known: JPEG, PNG, WebP, TIFF, BMP)") from error
    except _DAMAGED as error:
        raise ImageError(f"{name}: cannot be opened ({_reason(error)})") from error
    return image


def _to_rgb(image: Image.Image, name: str) -> np.ndarray:
    """Decode one page and bring it to uint8 RGB."""
    width, height = image.size
    if width < 1 or height < 1:
        raise ImageError(f"{name}: has no pixels ({width} x {height})")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width} x {height} is {width * height / 1e6:.0f} megapixels, "
            f"more than {MAX_PIXELS / 1e6:.0f}"
        )
    try:
        with _quiet():
            image.load()
            upright = ImageOps.exif_transpose(image)
    except _DAMAGED as error:
        raise ImageError(f"{name}: damaged or cut off ({_reason(error)})") from error
    if upright.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _from_deep_grey(np.asarray(upright), name)
    if upright.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        upright = Image.alpha_composite(paper, layer)
    return np.array(upright.convert("RGB"))


def _from_deep_grey(grey: np.ndarray, name: str) -> np.ndarray:
    """16- or 32-bit or float grey: its own darkest to brightest value becomes 0 to 255.

    Scanners store 10 or 12 significant bits in 16; dividing by 256 would leave the page black.
    """
    grey = grey.astype(np.float64)
    if not np.isfinite(grey).all():
        raise ImageError(f"{name}: holds values that are not numbers")
    low, high = float(grey.min()), float(grey.max())
    if high == low:
        scaled = np.full(grey.shape, 255 if high > 0 else 0, np.uint8)
    else:
        scaled = np.round((grey - low) * (255.0 / (high - low))).astype(np.uint8)
    return np.repeat(scaled[:, :, None], 3, axis=2)


def _from_array(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise ImageError(
            f"array: must be uint8 (h, w), (h, w, 3) or (h, w, 4), got {array.dtype} {array.shape}"
        )
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 3:
        return array
    if array.shape[2] == 4:
        return _to_rgb(Image.fromarray(array), "array")
    raise ImageError(f"array: {array.shape[2]} channels, expected 1, 3 or 4")


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
