"""A picture of what was found: line and word outlines over the page, numbered in reading order.

Colour tells confidence: from orange (half sure or less) over purple to blue (sure), which colour-blind readers
can tell apart too; grey outlines hold ink that was read as nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocr.errors import ConfigError
from ocr.types import Page

LONGEST_SIDE = 2000
"""Larger pages are drawn scaled down to this many pixels."""

UNSURE, MIDDLE, SURE, UNREAD = (213, 94, 0), (170, 70, 150), (0, 114, 178), (128, 128, 128)


def confidence_colour(confidence: float) -> tuple[int, int, int]:
    """RGB for a confidence in [0, 1]: `UNSURE` up to 0.5, `MIDDLE` at 0.75, `SURE` at 1, blended between."""
    share = 4 * min(max(confidence, 0.5), 1.0) - 2
    low, high = (UNSURE, MIDDLE) if share < 1 else (MIDDLE, SURE)
    red, green, blue = (round(a + (b - a) * (share - (share >= 1))) for a, b in zip(low, high, strict=True))
    return red, green, blue


def draw_page(page: Page, image: np.ndarray) -> Image.Image:
    """Draw the page's lines and words over its image.

    Args:
        image: uint8, (h, w, 3) RGB, the page that `page` was read from.
    Returns:
        An RGB picture, its longest side at most `LONGEST_SIDE` pixels.
    Raises:
        ConfigError: the image is not of the page's size.
    """
    if image.shape[:2] != (page.height, page.width):
        raise ConfigError(
            f"{page.source}: image is {image.shape[0]}x{image.shape[1]}, page {page.height}x{page.width}"
        )
    picture = Image.fromarray(image).convert("RGB")
    scale = min(1.0, LONGEST_SIDE / max(picture.size))
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    stroke = max(1, round(max(picture.size) / 700))
    canvas = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(size=max(11, round(max(picture.size) / 70)))
    for number, line in enumerate(page.lines, start=1):
        colour = confidence_colour(line.confidence) if line.text else UNREAD
        for word in line.words:
            fill = (*confidence_colour(word.confidence), 40)
            _outline(canvas, word.polygon * scale, fill=fill, colour=fill[:3], stroke=1)
        _outline(canvas, line.polygon * scale, fill=None, colour=colour, stroke=stroke)
        _number(canvas, line.polygon * scale, str(number), font=font, colour=colour)
    return picture


def write(page: Page, image: np.ndarray | None, path: Path) -> None:
    """Write the picture as PNG. Raises ConfigError without an image, OSError if `path` cannot be written."""
    if image is None:
        raise ConfigError(f"{page.source}: the draw format needs the page's image")
    draw_page(page, image).save(path, format="PNG", compress_level=4)


def _outline(
    canvas: ImageDraw.ImageDraw,
    polygon: np.ndarray,
    *,
    fill: tuple[int, ...] | None,
    colour: tuple[int, int, int],
    stroke: int,
) -> None:
    if len(polygon) < 2:
        return
    points = [(float(x), float(y)) for x, y in polygon]
    if fill is not None and len(points) > 2:
        canvas.polygon(points, fill=fill)
    canvas.line([*points, points[0]], fill=colour, width=stroke, joint="curve")


def _number(
    canvas: ImageDraw.ImageDraw,
    polygon: np.ndarray,
    label: str,
    *,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    colour: tuple[int, int, int],
) -> None:
    """The line's number on a patch of its colour, left of the outline where there is room, else inside it."""
    if len(polygon) == 0:
        return
    left, _, right, bottom = canvas.textbbox((0, 0), label, font=font)
    width, height = right - left + 6, bottom + 4
    start = polygon[polygon[:, 0] <= polygon[:, 0].min() + 0.05 * np.ptp(polygon[:, 0])]
    x = max(0.0, float(polygon[:, 0].min()) - width - 2)
    y = max(0.0, float(start[:, 1].mean()) - height / 2)
    canvas.rectangle((x, y, x + width, y + height), fill=(*colour, 230))
    canvas.text((x + 3, y + 1), label, font=font, fill=(255, 255, 255))
