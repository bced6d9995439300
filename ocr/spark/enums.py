"""Values of parameters; they compare equal to the plain values in a saved stage."""

from __future__ import annotations

from enum import Enum, IntEnum


class ImageType(IntEnum):
    """Storage of pixels, with the values of Java's `BufferedImage`."""

    TYPE_3BYTE_BGR = 5
    TYPE_BYTE_GRAY = 10


class OcrOutputFormat(str, Enum):
    """Content of the output column of `ImageToTextV2`."""

    TEXT = "text"
    """Lines joined by newlines, in reading order."""
    FORMATTED_TEXT = "formatted_text"
    """The same text, laid out with spaces and empty lines as on the page."""
    HOCR = "hocr"
    """hOCR 1.2."""
    TEXT_WITH_POSITIONS = "text_with_positions"
    """As TEXT, with a further column `positions` with the position of every word."""


class Color(str, Enum):
    """Colors of drawn regions as #rrggbb, under the names of Java's `Color`."""

    black = "#000000"
    blue = "#0000ff"
    cyan = "#00ffff"
    gray = "#808080"
    green = "#00ff00"
    magenta = "#ff00ff"
    orange = "#ffc800"
    pink = "#ffafaf"
    red = "#ff0000"
    white = "#ffffff"
    yellow = "#ffff00"
