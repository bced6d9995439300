"""Rendering of a text in a font as handwriting: slanted, stretched, jittered and warped, with exact boxes.

Boxes, outline and baseline are transformed by the same maps as the pixels: an affine map for each glyph, then one
smooth warp of the whole line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import cv2
import numpy as np
import skia

from ocr.errors import FontError
from ocr.synth.fonts import Font, Glyph

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the line image."""


@dataclass(frozen=True)
class Style:
    """Style of a hand, which stays the same along a line and on all lines of a page.

    Lengths are fractions of the x-height unless stated otherwise.
    """

    slant: float = 0.0
    """Shear added to that of the font: 0.3 leans to the right by 0.3 pixels per pixel of height."""
    stretch: float = 1.0
    """Horizontal scale."""
    tracking: float = 0.0
    """Extra space between letters that are not joined."""
    word_space: float = 1.0
    """Factor on the space of the font."""
    space_jitter: float = 0.0
    """Standard deviation of the space between words, as a factor."""
    glyph_jitter: float = 0.0
    """Variation of position, size and angle of each letter; joined letters get a tenth of it."""
    word_jitter: float = 0.0
    """Variation of size, slant and height over the baseline of each word."""
    rise: float = 0.0
    """Slope of the line."""
    bend: float = 0.0
    """Amplitude of the slow wave of the baseline."""
    warp: float = 0.0
    """Amplitude of the fine warp that makes every repeated letter different."""
    sway: float = 0.0
    """Amplitude of the slow widening and narrowing of letters along the line."""
    flatten: float = 1.0
    """Factor on the height of small letters, but not on the parts above them."""
    stroke: float = 0.0
    """Thickness of the pen; 0 keeps that of the font."""
    nib: int = 0
    """Shape of the nib: 0 round, 1 thicker down strokes, 2 thicker diagonals."""
    pressure: float = 0.0
    """Depth, 0 to 1, of the slow fading of the ink along the line."""


@dataclass
class RenderedLine:
    """Ink and labels of one line; `ink` is uint8 (h, w), 0 for none and 255 for full; boxes may leave the image."""

    ink: np.ndarray
    characters: list[tuple[str, Box]]
    words: list[tuple[str, Box]]
    polygon: np.ndarray
    """(n, 2) float32, clockwise."""
    baseline: np.ndarray
    """(n, 2) float32, left to right."""
    x_height: float
    """Height in pixels of small letters."""
    struck: list[Box] = field(default_factory=list)
    """Boxes of words that are to be crossed out: drawn, but not in the labels."""


@dataclass(frozen=True)
class Mixture:
    """A second font for some of the characters, by which two fonts give many hands."""

    font: Font
    characters: frozenset[str]


@dataclass
class _Placed:
    """A glyph with its affine map in em pixels and the label characters it draws."""

    font: Font
    glyph: int
    matrix: tuple[float, float, float, float, float, float]  # a, b, tx, c, d, ty
    text: str
    word: int


class _Transform(NamedTuple):
    """Scale and position of a line in the picture: x and y, in pixels, of its origin on the baseline."""

    scale_x: float
    x: float
    scale_y: float
    y: float


class LineRenderer:
    """Renderer of lines at a fixed height.

    Args:
        height: height of the picture in pixels.
        padding: lowest and highest space above and below the ink, as fractions of the height; negative values cut
            into the ink. It applies to lines that are not framed.
        margin: lowest and highest space left and right, as fractions of the height.
        max_width: largest width of the picture in pixels; longer lines are narrowed.
        framed_probability: share of lines that are cut as in line crops of archives, with baseline and x-height at
            about `baseline` and `x_height` of the height; the others are cut by their ink.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        padding: tuple[float, float] = (-0.05, 0.28),
        margin: tuple[float, float] = (0.0, 0.5),
        max_width: int = 4096,
        framed_probability: float = 0.75,
        x_height: float = 0.27,
        baseline: float = 0.69,
    ):
        self.height = height
        self.padding = padding
        self.margin = margin
        self.max_width = max_width
        self.framed_probability = framed_probability
        self.x_height = x_height
        self.baseline = baseline

    def render(
        self,
        text: str,
        font: Font,
        style: Style,
        rng: np.random.Generator,
        *,
        drawn: str | None = None,
        mixture: Mixture | None = None,
        struck: frozenset[int] = frozenset(),
        above: str = "",
        below: str = "",
    ) -> RenderedLine:
        """Draw one line.

        Args:
            drawn: text of the same length to draw instead of `text` (such as with another apostrophe).
            mixture: a second font for some characters; it must cover them.
            struck: indices of words that are to be crossed out and are not in the labels.
            above, below: texts of the neighboring lines, whose ink extends into the picture.

        Raises:
            FontError: the font lacks a character, or `text` draws no ink at all.
        """
        placed = self._layout(text, drawn or text, font, mixture, style, rng)
        bounds = np.array([_bounds(item) for item in placed])
        if not len(bounds) or not (bounds[:, 2] > bounds[:, 0]).any():
            raise FontError(f"{font.name}: {text!r} draws no ink")
        width, place = self._frame(bounds, font, rng)

        ink = np.zeros((self.height, width), np.uint8)
        surface = skia.Surface.MakeRasterDirect(skia.ImageInfo.MakeA8(width, self.height), ink)
        canvas = surface.getCanvas()
        boxes = [_draw_glyph(canvas, item, place) for item in placed]
        self._draw_neighbors(canvas, (above, below), font, style, width, place, rng)

        x_height = -font.x_height * place.scale_y
        ink = _thicken(ink, _pen_change(font, style, x_height), style.nib)
        warp = _Warp.sample(self.height, width, style, rng, x_height=x_height, axis=place.y)
        ink = warp.image(ink)
        if style.pressure > 0:
            ink = _fade(ink, style.pressure, rng)
        return _labels(ink, placed, boxes, warp, struck, baseline_y=place.y, x_height=x_height)

    def _frame(self, bounds: np.ndarray, font: Font, rng: np.random.Generator) -> tuple[int, _Transform]:
        """Choose the width of the picture in pixels, and the scale and position of the line in it."""
        left, right = float(bounds[:, 0].min()), float(bounds[:, 2].max())
        top, bottom = self._crop(bounds, font, rng)
        scale = float(self.height / (bottom - top))
        margins = rng.uniform(*self.margin, 2) * self.height
        width = int(np.clip(math.ceil((right - left) * scale + margins.sum()), 8, self.max_width))
        scale_x = min(scale, (width - 2) / (right - left))
        return width, _Transform(scale_x, float(margins[0]) - left * scale_x, scale, -float(top) * scale)

    def _draw_neighbors(
        self,
        canvas: skia.Canvas,
        texts: tuple[str, str],
        font: Font,
        style: Style,
        width: int,
        place: _Transform,
        rng: np.random.Generator,
    ) -> None:
        """Draw the parts of the lines above and below (empty: none) that lie in the picture."""
        spacing = max(font.descender - font.ascender, -1.35 * font.ascender)
        for text, direction in zip(texts, (-1, 1), strict=True):
            if not text:
                continue
            glyphs = self._layout(text, text, font, None, style, rng)
            x = place.x + rng.uniform(-0.5, 0.5) * self.height
            y = place.y + direction * spacing * place.scale_y * rng.uniform(0.9, 1.3)
            moved = place._replace(x=x, y=y)
            for item in glyphs:
                left, top, right, bottom = _bounds(item)
                if (
                    left * place.scale_x + x < width
                    and right * place.scale_x + x > 0
                    and top * place.scale_y + y < self.height
                    and bottom * place.scale_y + y > 0
                ):
                    _draw_glyph(canvas, item, moved)

    def _layout(
        self,
        text: str,
        drawn: str,
        font: Font,
        mixture: Mixture | None,
        style: Style,
        rng: np.random.Generator,
    ) -> list[_Placed]:
        """Place every glyph of a line on a baseline at y = 0 that starts at x = 0, in em pixels."""
        unit = -font.x_height
        placed: list[_Placed] = []
        pen, index = 0.0, 0
        for number, word in enumerate(drawn.split(" ")):
            if number:
                gap = font.space * style.word_space * math.exp(style.space_jitter * rng.standard_normal())
                placed.append(_Placed(font, -1, (style.stretch * gap, 0, pen, 0, 0, 0), " ", number - 1))
                pen += style.stretch * gap
                index += 1
            noise = style.word_jitter * rng.standard_normal(3)
            word_size = math.exp(0.05 * noise[0])
            slant = style.slant + 0.05 * noise[1]
            rise = 0.05 * noise[2] * unit
            for run_font, run in _runs(word, font, mixture):
                jitter = style.glyph_jitter * (0.1 if run_font.connected else 1.0)
                tracking = 0.0 if run_font.connected else style.tracking * unit
                size = word_size * font.x_height / run_font.x_height
                glyphs = run_font.shape(run)
                labels = _clusters(glyphs, text[index : index + len(run)])
                moves = (rng.standard_normal((len(glyphs), 4)) * jitter).tolist()
                for glyph, label, (grow, turn, dx, dy) in zip(glyphs, labels, moves, strict=True):
                    grow = size * math.exp(0.05 * grow)
                    dx, dy = 0.05 * dx * unit, 0.04 * dy * unit + rise
                    cos, sin = grow * math.cos(0.035 * turn), grow * math.sin(0.035 * turn)
                    # Stretch and shear come after the letter's own turn: x' = stretch * x - slant * y.
                    a, b = style.stretch * cos - slant * sin, -style.stretch * sin - slant * cos
                    x, y = glyph.x_offset * size + dx, glyph.y_offset * size + dy
                    matrix = (a, b, pen + style.stretch * x - slant * y, sin, cos, y)
                    placed.append(_Placed(run_font, glyph.id, matrix, label, number))
                    pen += style.stretch * (
                        size * glyph.advance + (tracking if glyph.advance > 0 else 0) + dx
                    )
                index += len(run)
        return placed

    def _crop(self, bounds: np.ndarray, font: Font, rng: np.random.Generator) -> tuple[float, float]:
        """Choose top and bottom of the picture, in em pixels relative to the baseline."""
        ink = bounds[bounds[:, 2] > bounds[:, 0]]
        highest, lowest = float(ink[:, 1].min()), float(ink[:, 3].max())
        if rng.random() < self.framed_probability:
            x_height = self.x_height * math.exp(0.16 * rng.standard_normal())
            baseline = float(np.clip(rng.normal(self.baseline, 0.035), 0.55, 0.8))
            scale = x_height / -font.x_height
            # Long ascenders and capitals reduce the size of the line; only their tips may be cut off.
            spill = rng.uniform(0.95, 1.15, 2)
            scale = min(
                scale,
                spill[0] * baseline / max(-font.ascender, -0.8 * highest),
                spill[1] * (1.1 - baseline) / max(font.descender, 0.8 * lowest, 1.0),
            )
            return -baseline / scale, (1 - baseline) / scale
        follow = rng.uniform(0.0, 0.4) if rng.random() < 0.6 else rng.uniform(0.4, 1.0)
        top = (1 - follow) * font.ascender + follow * max(highest, 1.6 * font.ascender)
        bottom = (1 - follow) * font.descender + follow * min(lowest, 1.6 * font.descender)
        top = min(top, 0.82 * max(highest, 2.2 * font.ascender))
        bottom = max(bottom, 0.70 * min(lowest, 2.0 * font.descender))
        above, below = rng.uniform(*self.padding, 2) * (bottom - top)
        top, bottom = top - above, bottom + below
        min_half = -1.25 * font.x_height  # a line of dots must not be enlarged to the full height
        if bottom - top < 2 * min_half:
            center = 0.5 * (top + bottom)
            top, bottom = center - min_half, center + min_half
        return top, bottom


def _draw_glyph(canvas: skia.Canvas, item: _Placed, place: _Transform) -> Box:
    """Draw one glyph and return the box of its ink (of its gap, for a space)."""
    scale_x, x, scale_y, y = place
    a, b, tx, c, d, ty = item.matrix
    if item.glyph < 0:
        return (scale_x * tx + x, y + item.font.x_height * scale_y, scale_x * (tx + a) + x, y)
    path = skia.Path()
    matrix = skia.Matrix.MakeAll(
        scale_x * a, scale_x * b, scale_x * tx + x, scale_y * c, scale_y * d, scale_y * ty + y, 0, 0, 1
    )
    item.font.outline(item.glyph)[0].transform(matrix, path)
    canvas.drawPath(path, skia.Paint(AntiAlias=True))
    box = path.computeTightBounds()
    return (box.left(), box.top(), box.right(), box.bottom())


def _labels(
    ink: np.ndarray,
    placed: list[_Placed],
    boxes: list[Box],
    warp: _Warp,
    struck: frozenset[int],
    *,
    baseline_y: float,
    x_height: float,
) -> RenderedLine:
    """Map boxes and baseline by the warp, and collect the labels of characters and words."""
    span = np.linspace(min(box[0] for box in boxes), max(box[2] for box in boxes), 9)
    moved, baseline = warp.labels(
        np.array(boxes, np.float32), np.stack([span, np.full_like(span, baseline_y)], 1)
    )
    kept, crossed = [], {}
    for item, box in zip(placed, moved.tolist(), strict=True):
        if item.word not in struck:
            kept.append((item, box))
        elif _is_inked(item, box):
            crossed.setdefault(item.word, []).append(box)
    words = _word_labels(kept)
    return RenderedLine(
        ink=ink,
        characters=_character_labels(kept),
        words=words,
        polygon=_outline([box for _, box in words] or [(0, 0, ink.shape[1], ink.shape[0])]),
        baseline=baseline,
        x_height=x_height,
        struck=[_union(parts) for parts in crossed.values()],
    )


def _is_inked(item: _Placed, box: list[float]) -> bool:
    return item.glyph >= 0 and box[2] > box[0]


def _word_labels(glyphs: list[tuple[_Placed, list[float]]]) -> list[tuple[str, Box]]:
    """Text and box of each word with ink."""
    words: dict[int, tuple[list[str], list[list[float]]]] = {}
    for item, box in glyphs:
        if item.glyph >= 0:
            letters, parts = words.setdefault(item.word, ([], []))
            letters.append(item.text)
            if _is_inked(item, box):
                parts.append(box)
    return [("".join(letters), _union(parts)) for letters, parts in words.values() if parts]


def _character_labels(glyphs: list[tuple[_Placed, list[float]]]) -> list[tuple[str, Box]]:
    """Characters and their boxes, without spaces at either end of the line."""
    characters: list[tuple[str, Box]] = []
    pending_space: tuple[str, Box] | None = None
    for item, (x0, y0, x1, y1) in glyphs:
        if item.glyph < 0:
            pending_space = (" ", (x0, y0, x1, y1))
        elif item.text:
            if pending_space and characters:
                characters.append(pending_space)
            pending_space = None
            # A ligature draws several characters: they share its box in equal parts.
            share = (x1 - x0) / len(item.text)
            for number, character in enumerate(item.text):
                left = x0 + number * share
                characters.append((character, (left, y0, left + share, y1)))
    return characters


def _runs(word: str, font: Font, mixture: Mixture | None) -> list[tuple[Font, str]]:
    """Split a word by the font that draws its parts."""
    if mixture is None or mixture.characters.isdisjoint(word):
        return [(font, word)] if word else []
    groups = groupby(word, lambda character: character in mixture.characters)
    return [(mixture.font if other else font, "".join(part)) for other, part in groups]


def _clusters(glyphs: list[Glyph], text: str) -> list[str]:
    """Assign the characters of the label to glyphs: each draws those from its cluster to the next one."""
    starts = sorted({glyph.cluster for glyph in glyphs})
    end_of = dict(zip(starts, [*starts[1:], len(text)], strict=True))
    labels, seen = [], set()
    for glyph in glyphs:
        # Several glyphs of one cluster (base and mark) draw its characters together: the first gets the label.
        labels.append("" if glyph.cluster in seen else text[glyph.cluster : end_of[glyph.cluster]])
        seen.add(glyph.cluster)
    return labels


def _bounds(item: _Placed) -> Box:
    """Compute the box of a glyph after its affine map, in em pixels (not tight under shear)."""
    if item.glyph < 0:
        return (item.matrix[2], 0.0, item.matrix[2], 0.0)
    left, top, right, bottom = item.font.outline(item.glyph)[1]
    a, b, tx, c, d, ty = item.matrix
    xs = (a * left + min(b * top, b * bottom), a * right + max(b * top, b * bottom))
    ys = (d * top + min(c * left, c * right), d * bottom + max(c * left, c * right))
    if right <= left:
        return (tx, 0.0, tx, 0.0)
    return (xs[0] + tx, ys[0] + ty, xs[1] + tx, ys[1] + ty)


def _union(boxes: list[list[float]]) -> Box:
    stack = np.array(boxes)
    return (
        float(stack[:, 0].min()),
        float(stack[:, 1].min()),
        float(stack[:, 2].max()),
        float(stack[:, 3].max()),
    )


def _outline(boxes: list[Box]) -> np.ndarray:
    """Make a clockwise polygon along the tops of the words and back along their bottoms."""
    ordered = sorted(boxes)
    tops = [point for x0, y0, x1, _ in ordered for point in ((x0, y0), (x1, y0))]
    bottoms = [point for x0, _, x1, y1 in reversed(ordered) for point in ((x1, y1), (x0, y1))]
    return np.array(tops + bottoms, np.float32)


_NIBS = (
    np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8),
    np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]], np.uint8),
    np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], np.uint8),
)


def _pen_change(font: Font, style: Style, x_height: float) -> float:
    """Compute the pixels to add to the strokes of the font for the pen of `style`; thin strokes are not erased."""
    if not style.stroke or not font.info.stroke:
        return 0.0
    natural = font.stroke_share * x_height * math.sqrt(style.stretch)
    return min(max(style.stroke * x_height - natural, -0.55 * natural, 1.1 - natural), 2.5)


def _thicken(ink: np.ndarray, amount: float, nib: int) -> np.ndarray:
    """Add `amount` pixels to the stroke thickness (remove, where negative) with the shape of a nib."""
    # The nib has an effect on added ink only; thinning with it would erase strokes of one direction.
    operation, kernel = (cv2.dilate, _NIBS[nib]) if amount > 0 else (cv2.erode, _NIBS[0])
    rest = abs(amount) / 2  # one pass moves both edges of a stroke
    while rest > 0.02:
        share = min(1.0, rest)
        changed = operation(ink, kernel)
        ink = changed if share == 1 else cv2.addWeighted(changed, share, ink, 1 - share, 0)
        rest -= share
    # Mixing with the eroded picture makes thin strokes paler, but the ink of a fine pen is as dark as any other.
    return cv2.convertScaleAbs(ink, alpha=1 + 0.6 * min(-amount, 1.5)) if amount < 0 else ink


def _fade(ink: np.ndarray, depth: float, rng: np.random.Generator) -> np.ndarray:
    """Vary the darkness of ink along the line, as with changing pressure or a nib that runs dry."""
    knots = 1 - depth * rng.random((2, max(2, ink.shape[1] // 24))).astype(np.float32)
    field = cv2.resize(knots, (ink.shape[1], ink.shape[0]), interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(ink, field, dtype=cv2.CV_8U)


class _Warp:
    """A smooth displacement of a line image: output pixel p shows input pixel `source[p]`."""

    def __init__(self, source: np.ndarray | None):
        self.source = source
        """(h, w, 2) float32, x and y of pixel centers; None where nothing moves."""

    @classmethod
    def sample(
        cls, height: int, width: int, style: Style, rng: np.random.Generator, *, x_height: float, axis: float
    ) -> _Warp:
        """Draw the map of a style on a (height, width) image.

        It combines slope and slow wave of the baseline at y = `axis`, varying letter widths, flattened small
        letters, and a fine random field.
        """
        if not (style.rise or style.bend or style.warp or style.sway or style.flatten != 1):
            return cls(None)
        # Knots about one small letter apart: closer ones would deform single strokes.
        columns = max(3, round(width / (0.9 * x_height + 4)))
        knots = rng.standard_normal((4, columns, 2), np.float32) * np.float32(style.warp * x_height)
        knots[..., 1] *= 0.7
        source = cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
        along = np.linspace(-0.5, 0.5, width)
        phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.6)
        slow = style.rise * width * along
        slow += style.bend * x_height * np.sin(2 * np.pi * waves * along + phase)
        sway = rng.standard_normal((1, max(3, round(width / (4 * x_height + 8)))), np.float32)
        sway = cv2.resize(sway, (width, 1), interpolation=cv2.INTER_CUBIC)[0]
        # Heights over the baseline: nothing changes below it, and all above the small letters moves alike.
        top = style.flatten * x_height
        heights = axis - 0.5 - np.arange(height)
        rows = np.interp(heights, [-height, 0, top, top + height], [-height, 0, x_height, x_height + height])
        source[..., 0] += np.arange(width, dtype=np.float32) + np.float32(style.sway * x_height) * sway
        source[..., 1] += (axis - 0.5 - rows).astype(np.float32)[:, None] + slow.astype(np.float32)
        return cls(source)

    def image(self, ink: np.ndarray) -> np.ndarray:
        """Warp an image uint8 (h, w)."""
        if self.source is None:
            return ink
        return cv2.remap(ink, self.source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Map input `points` (n, 2) to the output, by fixed-point iteration."""
        points = points.astype(np.float32)
        if self.source is None:
            return points
        height, width = self.source.shape[:2]
        limit = np.array([width - 1, height - 1], np.float32)
        moved = points - 0.5
        for _ in range(6):
            # Outside the image, the displacement of the nearest edge pixel applies.
            inside = np.clip(moved, 0, limit)
            seen = cv2.remap(self.source, inside[:, None], None, cv2.INTER_LINEAR)[:, 0]
            moved = points - 0.5 - (seen - inside)
        return moved + 0.5

    def labels(self, boxes: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Map boxes (n, 4), by the middles of their edges, and a baseline (m, 2).

        Middles of edges are used, as the corners of the box of a slanted letter hold no ink.
        """
        x0, y0, x1, y1 = boxes.T
        xc, yc = (x0 + x1) / 2, (y0 + y1) / 2
        middles = np.stack([xc, y0, x1, yc, xc, y1, x0, yc], 1).reshape(-1, 2)
        moved = self.points(np.concatenate([middles, baseline]))
        around = moved[: len(middles)].reshape(-1, 4, 2)
        return np.concatenate([around.min(1), around.max(1)], 1), moved[len(middles) :]
