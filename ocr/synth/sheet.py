"""A sheet of paper with ink on it and the labels of its lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from ocr.errors import FontError
from ocr.geometry import CoordinateMap, bounding_box
from ocr.synth.cross_out import PAGE_STYLE, cross_out
from ocr.synth.render import RenderedLine
from ocr.synth.scribe import Hand, Scribe
from ocr.types import Baseline, Polygon

MAX_SQUEEZE = 1.25
"""Largest factor by which a line that is too long is narrowed."""


@dataclass
class WrittenWord:
    """A word on a sheet with the quadrilateral of each of its characters."""

    text: str
    polygon: Polygon
    characters: list[tuple[str, Polygon]]


@dataclass
class WrittenLine:
    """A line on a sheet, in pixels of the sheet."""

    polygon: Polygon
    baseline: Baseline
    words: list[WrittenWord]
    kind: str


@dataclass
class Sheet:
    """A sheet: `image` uint8 (h, w, 3) RGB, its `ink` uint8 (h, w), and its labels in writing order.

    `pitch` is the distance of printed rules in pixels (0: no rules) and `first_rule` the y of one of them.
    """

    image: np.ndarray
    pitch: float = 0.0
    first_rule: float = 0.0
    ink: np.ndarray = field(init=False)
    lines: list[WrittenLine] = field(default_factory=list)
    ignore: list[Polygon] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ink = np.zeros(self.image.shape[:2], np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.image.shape[0], self.image.shape[1]

    def lay(self, alpha: np.ndarray, left: int, top: int, color: tuple[float, float, float]) -> None:
        """Multiply ink of a `color` onto the paper with opacity `alpha` uint8 (h, w); parts outside are cut off."""
        height, width = self.size
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + alpha.shape[0], height), min(left + alpha.shape[1], width)
        if y1 <= y0 or x1 <= x0:
            return
        alpha = alpha[y0 - top : y1 - top, x0 - left : x1 - left]
        area = self.image[y0:y1, x0:x1]
        for channel, value in enumerate(color):
            factor = 1 - alpha * np.float32((1 - value / 255) / 255)
            area[..., channel] = cv2.multiply(area[..., channel], factor, dtype=cv2.CV_8U)
        np.maximum(self.ink[y0:y1, x0:x1], alpha, out=self.ink[y0:y1, x0:x1])

    def stroke(
        self,
        points: np.ndarray,
        color: tuple[float, float, float],
        *,
        thickness: int = 1,
        strength: int = 255,
        closed: bool = False,
    ) -> None:
        """Draw a polyline (n, 2) in ink."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        left, top, right, bottom = bounding_box(points)
        x0, y0 = int(left) - thickness - 2, int(top) - thickness - 2
        alpha = np.zeros((int(bottom) + thickness + 3 - y0, int(right) + thickness + 3 - x0), np.uint8)
        shifted = np.round((points - (x0, y0) - 0.5) * 16).astype(np.int32)
        cv2.polylines(alpha, [shifted], closed, strength, thickness, cv2.LINE_AA, 4)
        self.lay(alpha, x0, y0, color)

    def write(
        self,
        scribe: Scribe,
        rng: np.random.Generator,
        hand: Hand,
        x: float,
        y: float,
        *,
        width: float,
        text: str | None = None,
        fill: float = 1.0,
        angle: float = 0.0,
        align: float = 0.0,
        strike: float = 0.0,
    ) -> WrittenLine | None:
        """Write one line whose baseline starts at (x, y) and runs at `angle` degrees, clockwise on screen.

        Args:
            width: available length in pixels; a longer line is narrowed, then shortened.
            text: text of the line; None to draw one from the corpus that covers about `fill` of the width.
            align: 0 to start at x, 0.5 to center and 1 to end within the width.
            strike: probability of a crossed-out word in the line.
        Returns:
            None, with nothing written, where the line would leave the sheet or the font cannot draw it.
        """
        given = text is not None
        for _ in range(3):
            # A text ends before the word that would be too long: draw a little more than fits.
            count = max(1, int(width * fill / hand.char_width)) + 2
            drawn = scribe.drawable(hand, text) if given else scribe.text(rng, hand, int(0.9 * count), count)
            words = drawn.split()
            while len(words) > 1 and len(" ".join(words)) * hand.char_width > 1.15 * width:
                words.pop()
            line = self._draw(scribe, rng, hand, words, strike)
            if line is not None and len(words) > 1 and _width(line, hand) > MAX_SQUEEZE * 1.1 * width:
                # The letters are wider than usual: shorten the text.
                line = self._draw(scribe, rng, hand, words[: max(1, int(len(words) * 0.7))], strike)
            if line is not None:
                return self._place(rng, hand, line, x, y, width=width, angle=angle, align=align)
        return None

    @staticmethod
    def _draw(
        scribe: Scribe, rng: np.random.Generator, hand: Hand, words: list[str], strike: float
    ) -> RenderedLine | None:
        """Render some words, and perhaps one more that is struck out; None where the font cannot draw them."""
        struck: frozenset[int] = frozenset()
        if len(words) > 2 and rng.random() < strike:
            at = int(rng.integers(len(words)))
            words = [*words[:at], words[int(rng.integers(len(words)))], *words[at:]]
            struck = frozenset({at})
        if not words:
            return None
        try:
            line = scribe.draw(rng, hand, " ".join(words), struck=struck)
        except FontError:
            return None
        return line if line.words else None

    def _place(
        self,
        rng: np.random.Generator,
        hand: Hand,
        line: RenderedLine,
        x: float,
        y: float,
        *,
        width: float,
        angle: float,
        align: float,
    ) -> WrittenLine | None:
        """Lay a rendered line on the sheet and label it; None where it would leave the sheet."""
        to_sheet = _line_map(line, hand, x, y, width=width, angle=angle, align=align)
        outline = to_sheet.apply(line.polygon)
        height, page_width = self.size
        x0, y0, x1, y1 = bounding_box(outline)
        if x0 < 2 or y0 < 2 or x1 > page_width - 2 or y1 > height - 2:
            return None
        ink = line.ink
        for box in line.struck:
            ink = cross_out(ink, box, rng, PAGE_STYLE)
        self._lay_mapped(ink, to_sheet, hand.color)
        words = _written_words(line, to_sheet)
        if words is None:
            return None
        written = WrittenLine(outline, to_sheet.apply(line.baseline), words, hand.kind)
        self.lines.append(written)
        return written

    def _lay_mapped(
        self, ink: np.ndarray, to_sheet: CoordinateMap, color: tuple[float, float, float]
    ) -> None:
        """Warp ink uint8 (h, w) to the sheet and lay it."""
        corners = _quad((0, 0, ink.shape[1], ink.shape[0])).astype(float)
        x0, y0, x1, y1 = bounding_box(to_sheet.apply(corners))
        origin = int(np.floor(x0)), int(np.floor(y0))
        size = int(np.ceil(y1)) - origin[1] + 1, int(np.ceil(x1)) - origin[0] + 1
        alpha = to_sheet.then(CoordinateMap.translate(-origin[0], -origin[1])).warp(
            ink, size, border=cv2.BORDER_CONSTANT
        )
        self.lay(alpha, *origin, color)


def _line_map(
    line: RenderedLine, hand: Hand, x: float, y: float, *, width: float, angle: float, align: float
) -> CoordinateMap:
    """Make the map that scales a line to its hand, narrows it to `width`, turns it, and moves it to (x, y)."""
    left = min(box[0] for box in _boxes(line))
    scale = hand.x_height / line.x_height
    squeeze = float(np.clip(width / _width(line, hand), 1 / MAX_SQUEEZE, 1.0))
    start = align * max(0.0, width - _width(line, hand) * squeeze)
    radians = np.radians(angle)
    cos, sin = np.cos(radians), np.sin(radians)
    turn = np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1]])
    grow = np.array(
        [
            [scale * squeeze, 0, start - left * scale * squeeze],
            [0, scale, -scale * float(line.baseline[:, 1].mean())],
            [0, 0, 1],
        ]
    )
    return CoordinateMap(turn @ grow)


def _written_words(line: RenderedLine, to_sheet: CoordinateMap) -> list[WrittenWord] | None:
    """Map the words of a line and their characters; None where the characters of a word are not found."""
    words = []
    groups = iter(_word_characters(line.characters))
    for text, box in line.words:
        # A word without ink has characters but no box: skip to the next one with the same text.
        characters = next((group for group in groups if "".join(c for c, _ in group) == text), None)
        if characters is None:
            return None
        placed = [(c, to_sheet.apply(_quad(b))) for c, b in characters]
        words.append(WrittenWord(text, to_sheet.apply(_quad(box)), placed))
    return words


def _boxes(line: RenderedLine) -> list[tuple[float, float, float, float]]:
    return [box for _, box in line.words] + line.struck


def _width(line: RenderedLine, hand: Hand) -> float:
    """Width of a line in pixels of the page, before it is narrowed."""
    boxes = _boxes(line)
    reach = max(box[2] for box in boxes) - min(box[0] for box in boxes)
    return reach * hand.x_height / line.x_height


def _quad(box: tuple[float, float, float, float]) -> Polygon:
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def _word_characters(characters: list[tuple[str, tuple]]) -> list[list[tuple[str, tuple]]]:
    """Split the characters of a line at its spaces."""
    groups: list[list[tuple[str, tuple]]] = [[]]
    for character, box in characters:
        if character == " ":
            groups.append([])
        else:
            groups[-1].append((character, box))
    return groups
