"""Conversion of a Pillow image of any mode to upright uint8 RGB, in bands of rows.

A large scan is in memory twice: as decoded, and as the result; all intermediate arrays have the size of a band.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image

from ocr.errors import ImageError

_BAND = 1 << 22
"""Pixels that are converted at once."""

_DEEP_GRAY = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")

_BITS_PER_SAMPLE, _SAMPLE_FORMAT = 258, 339
"""TIFF tags."""

_LIGHT, _DARK = 160, 100
"""Grays above and below which opaque pixels count as light and dark ink."""

_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def decode(image: Image.Image, name: str, *, max_pixels: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode one frame: transparency on white, 16-bit gray scaled by its own range, orientation of EXIF applied.

    Transparency is on black where most of an image is transparent and its opaque part is light.

    Returns:
        uint8 (h, w, 3), reduced by a whole number where the frame has more than `max_pixels`; and the upright
        (height, width) of the frame.
    Raises:
        ImageError: values that are not numbers. OSError, ValueError and others: raised by Pillow for damaged data.
    """
    size = image.size
    factor = _factor(size, max_pixels)
    if factor > 1:
        # A JPEG can be decoded at a fraction of its size; for other formats this has no effect.
        image.draft(None, (image.width // factor, image.height // factor))
    image.load()
    if image.format == "TIFF":
        # Pillow applies the orientation of a TIFF when it loads it.
        size = image.size
    factor = _factor(image.size, max_pixels)
    deep = image.mode in _DEEP_GRAY
    kind = np.uint32 if deep and _is_unsigned(image) else None
    low, high = _range(image, name, kind) if deep else (0.0, 0.0)
    ground = "black" if _has_alpha(image) and _is_light_ink(image) else "white"
    pixels = np.empty((math.ceil(image.height / factor), math.ceil(image.width / factor), 3), np.uint8)
    for top, band in _bands(image, factor):
        band = _flat(_shades(band, low, high, kind) if deep else band, ground)
        rows = np.asarray(band.reduce(factor) if factor > 1 else band)
        pixels[top // factor : top // factor + len(rows)] = rows
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    width, height = size if orientation not in (5, 6, 7, 8) else size[::-1]
    return np.ascontiguousarray(_upright(pixels, orientation)), (height, width)


def _factor(size: tuple[int, int], max_pixels: int) -> int:
    """Compute the factor by which to reduce both sides so that about `max_pixels` are left at most."""
    return math.ceil(math.sqrt(size[0] * size[1] / max_pixels))


def _bands(image: Image.Image, factor: int) -> Iterator[tuple[int, Image.Image]]:
    """Yield the image in strips from the top, each with its first row, a multiple of `factor`."""
    rows = factor * max(1, _BAND // (image.width * factor))
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in _WITH_ALPHA or "transparency" in image.info


def _flat(image: Image.Image, ground: str) -> Image.Image:
    """Convert an image of any mode to RGB, on the color `ground`."""
    if _has_alpha(image):
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, ground), layer)
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_light_ink(image: Image.Image) -> bool:
    """Return True if most of an image is transparent and its opaque part is light, so that white would hide it."""
    weight = light = dark = 0.0
    for _, band in _bands(image, 1):
        values = np.asarray(band.convert("LA"))
        opacity = values[..., 1].astype(np.float32) / 255
        weight += float(opacity.sum())
        light += float(opacity[values[..., 0] > _LIGHT].sum())
        dark += float(opacity[values[..., 0] < _DARK].sum())
    # Paper that was cut out of its background is light as well, but has dark ink on it.
    return 0 < weight < image.width * image.height / 2 and light > 0.9 * weight and dark < 0.005 * weight


def _is_unsigned(image: Image.Image) -> bool:
    """Return True for a TIFF of unsigned 32-bit integers, which Pillow takes for signed ones."""
    if image.format != "TIFF" or image.mode != "I":
        return False
    tags = image.tag_v2
    return 32 in _as_tuple(tags.get(_BITS_PER_SAMPLE, 0)) and 1 in _as_tuple(tags.get(_SAMPLE_FORMAT, 1))


def _as_tuple(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _values(image: Image.Image, kind: type[np.uint32] | None) -> np.ndarray:
    values = np.asarray(image)
    return values if kind is None else values.view(kind)


def _range(image: Image.Image, name: str, kind: type[np.uint32] | None) -> tuple[float, float]:
    """Find the darkest and the brightest value of a 16- or 32-bit gray image."""
    low, high = math.inf, -math.inf
    for _, band in _bands(image, 1):
        values = _values(band, kind)
        if not np.isfinite(values).all():
            raise ImageError(f"{name}: holds values that are not numbers")
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, high


def _shades(image: Image.Image, low: float, high: float, kind: type[np.uint32] | None) -> Image.Image:
    """Scale 16- or 32-bit or float gray from `low` to `high` to 0 to 255.

    Scanners store 10 or 12 significant bits in 16; dividing by 256 would leave the page black.
    """
    if high == low:
        return Image.new("L", image.size, 255 if high > 0 else 0)
    scaled = (_values(image, kind).astype(np.float64) - low) * (255.0 / (high - low))
    return Image.fromarray(np.round(scaled).astype(np.uint8))


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror an image (h, w, 3) upright by its EXIF orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels
