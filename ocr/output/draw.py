"""Picture of a page with the outlines of lines and words, numbered in reading order.

Colors show the confidence, from orange (0.5 or less) over purple to blue (1), which color-blind people can tell
apart as well; outlines without text are gray.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ocr.errors import ConfigError
from ocr.geometry import min_area_rect
from ocr.output.document import Document
from ocr.types import Page, Polygon

MAX_SIDE = 2000
"""Largest side of the picture in pixels; larger pages are reduced."""

LOW_COLOR, MIDDLE_COLOR, HIGH_COLOR, UNREAD_COLOR = (
    (213, 94, 0),
    (170, 70, 150),
    (0, 114, 178),
    (128, 128, 128),
)

SHAPES = ("polygon", "rectangle")

BY_CONFIDENCE = "confidence"


@dataclass(frozen=True)
class DrawOptions:
    """Options of the picture.

    Raises:
        ConfigError: a value is unknown or out of range.
    """

    shape: str = "polygon"
    """`polygon`: detected outlines; `rectangle`: the smallest rotated rectangle around each."""
    color: str = BY_CONFIDENCE
    """`confidence`, or one color for all, as a name or `#rrggbb`."""
    width: int | None = None
    """Stroke width of the outlines of lines in pixels; None: by the size of the picture."""
    words: bool = True
    numbers: bool = True
    """Show the numbers of lines in reading order."""
    confidence: bool = False
    """Show the confidences of lines in percent."""

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ConfigError(f"draw_shape={self.shape}: choose from {', '.join(SHAPES)}")
        if self.width is not None and not 1 <= self.width <= 100:
            raise ConfigError(f"draw_width={self.width}: must be from 1 to 100 pixels")
        self.rgb(0.0)

    def rgb(self, confidence: float, *, read: bool = True) -> tuple[int, int, int]:
        """Choose the color for a confidence, or for an outline without text (`read` False)."""
        if self.color == BY_CONFIDENCE:
            return confidence_color(confidence) if read else UNREAD_COLOR
        try:
            return ImageColor.getrgb(self.color)[:3]
        except ValueError as error:
            raise ConfigError(f"draw_color={self.color}: no color; try red, or #d55e00") from error

    def outline(self, polygon: Polygon) -> Polygon:
        """Return the outline to draw for a polygon (n, 2)."""
        return min_area_rect(polygon).polygon() if self.shape == "rectangle" and len(polygon) else polygon


def confidence_color(confidence: float) -> tuple[int, int, int]:
    """Blend RGB for a confidence: `LOW_COLOR` up to 0.5, `MIDDLE_COLOR` at 0.75, `HIGH_COLOR` at 1."""
    share = 4 * min(max(confidence, 0.5), 1.0) - 2
    low, high = (LOW_COLOR, MIDDLE_COLOR) if share < 1 else (MIDDLE_COLOR, HIGH_COLOR)
    red, green, blue = (round(a + (b - a) * (share - (share >= 1))) for a, b in zip(low, high, strict=True))
    return red, green, blue


def draw_page(page: Page, image: np.ndarray, options: DrawOptions | None = None) -> Image.Image:
    """Draw the lines and words of a page over its image.

    Args:
        image: uint8 (h, w, 3) RGB.
    Returns:
        An RGB picture, its longest side at most `MAX_SIDE` pixels.
    Raises:
        ConfigError: the image does not have the size of the page.
    """
    if image.shape[:2] != (page.height, page.width):
        raise ConfigError(
            f"{page.source}: image is {image.shape[0]}x{image.shape[1]}, page {page.height}x{page.width}"
        )
    options = options or DrawOptions()
    picture = Image.fromarray(image)
    scale = min(1.0, MAX_SIDE / max(picture.size))
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    stroke = options.width or max(1, round(max(picture.size) / 700))
    canvas = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(size=max(11, round(max(picture.size) / 70)))
    for number, line in enumerate(page.lines, start=1):
        color = options.rgb(line.confidence, read=bool(line.text))
        for word in line.words if options.words else []:
            fill = (*options.rgb(word.confidence), 40)
            _outline(canvas, options.outline(word.polygon) * scale, fill=fill, color=fill[:3], stroke=1)
        outline = options.outline(line.polygon) * scale
        _outline(canvas, outline, fill=None, color=color, stroke=stroke)
        percent = f"{100 * line.confidence:.0f}%" if options.confidence and line.text else ""
        label = ": ".join(filter(None, (str(number) if options.numbers else "", percent)))
        if label:
            _label(canvas, outline, label, font=font, color=color)
    return picture


class DrawDocument(Document):
    """PNG file with the picture of a single page."""

    def __init__(
        self, path: Path, original: Path | bytes | None = None, *, options: DrawOptions | None = None
    ) -> None:
        super().__init__(path, original)
        self.options = options

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Write the picture. Raises ConfigError without an image."""
        if image is None:
            raise ConfigError(f"{page.source}: the draw format needs the page's image")
        draw_page(page, image, self.options).save(self.file, format="PNG", compress_level=4)


def _outline(
    canvas: ImageDraw.ImageDraw,
    polygon: np.ndarray,
    *,
    fill: tuple[int, ...] | None,
    color: tuple[int, int, int],
    stroke: int,
) -> None:
    if len(polygon) < 2:
        return
    points = [(float(x), float(y)) for x, y in polygon]
    if fill is not None and len(points) > 2:
        canvas.polygon(points, fill=fill)
    canvas.line([*points, points[0]], fill=color, width=stroke, joint="curve")


def _label(
    canvas: ImageDraw.ImageDraw,
    polygon: np.ndarray,
    label: str,
    *,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    color: tuple[int, int, int],
) -> None:
    """Draw the label of a line on a patch of its color, left of the outline where there is room, else inside it."""
    if len(polygon) == 0:
        return
    left, _, right, bottom = canvas.textbbox((0, 0), label, font=font)
    width, height = right - left + 6, bottom + 4
    start = polygon[polygon[:, 0] <= polygon[:, 0].min() + 0.05 * np.ptp(polygon[:, 0])]
    x = max(0.0, float(polygon[:, 0].min()) - width - 2)
    y = max(0.0, float(start[:, 1].mean()) - height / 2)
    canvas.rectangle((x, y, x + width, y + height), fill=(*color, 230))
    canvas.text((x + 3, y + 1), label, font=font, fill=(255, 255, 255))
