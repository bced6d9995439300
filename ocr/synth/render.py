"""Draw a text in a font the way a hand might: slanted, stretched, jittered and warped, with exact boxes.

Every box, the outline and the baseline go through the very maps the pixels go through: an affine map for
each glyph, then one smooth warp of the whole line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import groupby

import cv2
import numpy as np
import skia

from ocr.errors import FontError
from ocr.synth.fonts import Font, Glyph

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the line image."""


@dataclass(frozen=True)
class Style:
    """One hand: what stays the same along a line (and across the lines of a page).

    Lengths are fractions of the x-height unless said otherwise.
    """

    slant: float = 0.0
    """Shear added to the font's own: 0.3 leans to the right by 0.3 pixels a pixel of height."""
    stretch: float = 1.0
    """Horizontal scale."""
    tracking: float = 0.0
    """Extra space between letters that are not joined."""
    word_space: float = 1.0
    """Factor on the font's space."""
    space_jitter: float = 0.0
    """Spread of the space between words, as a factor."""
    glyph_jitter: float = 0.0
    """Spread of each letter's place, size and angle; joined letters get a tenth of it."""
    word_jitter: float = 0.0
    """Spread of each word's size, slant and height over the baseline."""
    rise: float = 0.0
    """Height gained over the line's length, as a slope."""
    bend: float = 0.0
    """Depth of the baseline's slow wave."""
    warp: float = 0.0
    """Amplitude of the fine warp that makes every repeated letter different."""
    sway: float = 0.0
    """Amplitude of the slow widening and narrowing of letters along the line."""
    flatten: float = 1.0
    """Factor on the height of small letters, but not on what rises above them."""
    stroke: float = 0.0
    """Thickness of the pen; 0 leaves the font's own."""
    nib: int = 0
    """0 round, 1 thicker down strokes, 2 thicker diagonals."""
    pressure: float = 0.0
    """Depth, 0 to 1, of the ink's slow fading along the line."""


@dataclass
class RenderedLine:
    """Ink of one line. `ink` is uint8 (h, w), 0 for none and 255 for full ink; boxes may leave the image."""

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
    """Where words stand that were crossed out: inked, but in no label."""


@dataclass(frozen=True)
class Mixture:
    """A second font that draws some of a hand's characters: two fonts make many hands."""

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


class LineRenderer:
    """Draws lines at a fixed height.

    A share `framed_probability` of lines is cut as line crops of archives are: the baseline two thirds down
    and small letters `x_height` of the height, both give or take a little. The others follow the ink, with
    `padding` (fractions of the height; negative cuts into the ink) above and below. `margin` bounds the
    space left and right.
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
            drawn: text with as many characters as `text` to draw in its place (another apostrophe).
            mixture: a second font for some characters; it must cover them.
            struck: indices of words that are drawn and crossed out but belong to no label.
            above, below: text of the neighboring lines, whose ink enters the picture.

        Raises:
            FontError: the font lacks a character, or `text` draws no ink at all.
        """
        placed = self._layout(text, drawn or text, font, mixture, style, rng)
        bounds = np.array([_bounds(item) for item in placed])
        if not len(bounds) or not (bounds[:, 2] > bounds[:, 0]).any():
            raise FontError(f"{font.name}: {text!r} draws no ink")
        left, right = float(bounds[:, 0].min()), float(bounds[:, 2].max())
        top, bottom = self._crop(bounds, font, rng)
        scale = float(self.height / (bottom - top))
        margins = rng.uniform(*self.margin, 2) * self.height
        start_margin = float(margins[0])
        image_width = int(np.clip(math.ceil((right - left) * scale + margins.sum()), 8, self.max_width))
        scale_x = min(scale, (image_width - 2) / (right - left))
        x, y = start_margin - left * scale_x, -float(top) * scale
        place = (scale_x, x, scale, y)

        ink = np.zeros((self.height, image_width), np.uint8)
        surface = skia.Surface.MakeRasterDirect(skia.ImageInfo.MakeA8(image_width, self.height), ink)
        canvas = surface.getCanvas()
        paint = skia.Paint(AntiAlias=True)
        boxes = [self._draw(canvas, paint, item, place) for item in placed]
        spacing = max(font.descender - font.ascender, -1.35 * font.ascender)
        for neighbor, direction in ((above, -1), (below, 1)):
            if neighbor:
                others = self._layout(neighbor, neighbor, font, None, style, rng)
                start = x + rng.uniform(-0.5, 0.5) * self.height
                offset = y + direction * spacing * scale * rng.uniform(0.9, 1.3)
                for item in others:
                    left, top, right, bottom = _bounds(item)
                    if (
                        left * scale_x + start < image_width
                        and right * scale_x + start > 0
                        and top * scale + offset < self.height
                        and bottom * scale + offset > 0
                    ):
                        self._draw(canvas, paint, item, (scale_x, start, scale, offset))

        x_height = -font.x_height * scale
        ink = _thicken(ink, _pen_change(font, style, x_height), style.nib)
        warp = _Warp.sample(self.height, image_width, style, rng, x_height=x_height, axis=y)
        ink = warp.image(ink)
        if style.pressure > 0:
            ink = _fade(ink, style.pressure, rng)
        return self._labels(ink, placed, boxes, warp, struck, baseline_y=y, x_height=x_height)

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
        """Top and bottom of the picture in em pixels around the baseline."""
        ink = bounds[bounds[:, 2] > bounds[:, 0]]
        highest, lowest = float(ink[:, 1].min()), float(ink[:, 3].max())
        if rng.random() < self.framed_probability:
            x_height = self.x_height * math.exp(0.16 * rng.standard_normal())
            baseline = float(np.clip(rng.normal(self.baseline, 0.035), 0.55, 0.8))
            scale = x_height / -font.x_height
            # Long ascenders and capitals make the whole hand smaller; only their tips may be cut off.
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
        least = -1.25 * font.x_height  # a line of dots is not blown up to the full height
        if bottom - top < 2 * least:
            center = 0.5 * (top + bottom)
            top, bottom = center - least, center + least
        return top, bottom

    def _draw(
        self,
        canvas: skia.Canvas,
        paint: skia.Paint,
        item: _Placed,
        place: tuple[float, float, float, float],
    ) -> Box:
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
        canvas.drawPath(path, paint)
        box = path.computeTightBounds()
        return (box.left(), box.top(), box.right(), box.bottom())

    def _labels(
        self,
        ink: np.ndarray,
        placed: list[_Placed],
        boxes: list[Box],
        warp: _Warp,
        struck: frozenset[int],
        *,
        baseline_y: float,
        x_height: float,
    ) -> RenderedLine:
        span = np.linspace(min(box[0] for box in boxes), max(box[2] for box in boxes), 9)
        moved, baseline = warp.labels(
            np.array(boxes, np.float32), np.stack([span, np.full_like(span, baseline_y)], 1)
        )
        characters: list[tuple[str, Box]] = []
        words: dict[int, tuple[list[str], list[list[float]]]] = {}
        crossed: dict[int, list[list[float]]] = {}
        pending_space: tuple[str, Box] | None = None
        for item, box in zip(placed, moved.tolist(), strict=True):
            inked = item.glyph >= 0 and box[2] > box[0]
            if item.word in struck:
                if inked:
                    crossed.setdefault(item.word, []).append(box)
                continue
            if item.glyph < 0:
                pending_space = (" ", tuple(box))
                continue
            if item.text:
                if pending_space and characters:
                    characters.append(pending_space)
                pending_space = None
                # A ligature draws several characters: they share its box in equal parts.
                x0, y0, x1, y1 = box
                share = (x1 - x0) / len(item.text)
                for number, character in enumerate(item.text):
                    left = x0 + number * share
                    characters.append((character, (left, y0, left + share, y1)))
            letters, parts = words.setdefault(item.word, ([], []))
            letters.append(item.text)
            if inked:
                parts.append(box)
        word_boxes = [("".join(letters), _union(parts)) for letters, parts in words.values() if parts]
        return RenderedLine(
            ink=ink,
            characters=characters,
            words=word_boxes,
            polygon=_outline([box for _, box in word_boxes] or [(0, 0, ink.shape[1], ink.shape[0])]),
            baseline=baseline,
            x_height=x_height,
            struck=[_union(parts) for parts in crossed.values()],
        )


def _runs(word: str, font: Font, mixture: Mixture | None) -> list[tuple[Font, str]]:
    """Pieces of a word by the font that draws them."""
    if mixture is None or mixture.characters.isdisjoint(word):
        return [(font, word)] if word else []
    groups = groupby(word, lambda character: character in mixture.characters)
    return [(mixture.font if other else font, "".join(part)) for other, part in groups]


def _clusters(glyphs: list[Glyph], text: str) -> list[str]:
    """The label characters each glyph draws: those from its cluster to the next one."""
    starts = sorted({glyph.cluster for glyph in glyphs})
    end_of = dict(zip(starts, [*starts[1:], len(text)], strict=True))
    labels, seen = [], set()
    for glyph in glyphs:
        # Several glyphs of one cluster (base and mark) draw its characters together: label the first.
        labels.append("" if glyph.cluster in seen else text[glyph.cluster : end_of[glyph.cluster]])
        seen.add(glyph.cluster)
    return labels


def _bounds(item: _Placed) -> Box:
    """Box of a glyph's outline after its affine map, in em pixels (loose under shear)."""
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
    """Clockwise polygon along the tops of the words and back along their bottoms."""
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
    """Pixels to add to the font's stroke for the pen of `style`; thin strokes are not rubbed away."""
    if not style.stroke or not font.info.stroke:
        return 0.0
    natural = font.stroke_share * x_height * math.sqrt(style.stretch)
    return min(max(style.stroke * x_height - natural, -0.55 * natural, 1.1 - natural), 2.5)


def _thicken(ink: np.ndarray, amount: float, nib: int) -> np.ndarray:
    """Add `amount` pixels to the stroke thickness (remove, where negative) with a nib shape."""
    # A nib's shape shows in what it adds; thinning with it would cut strokes of one direction away.
    operation, kernel = (cv2.dilate, _NIBS[nib]) if amount > 0 else (cv2.erode, _NIBS[0])
    rest = abs(amount) / 2  # one pass moves both edges of a stroke
    while rest > 0.02:
        share = min(1.0, rest)
        changed = operation(ink, kernel)
        ink = changed if share == 1 else cv2.addWeighted(changed, share, ink, 1 - share, 0)
        rest -= share
    # Mixing in the eroded picture pales a thin stroke; a fine pen's ink is as dark as a broad one's.
    return cv2.convertScaleAbs(ink, alpha=1 + 0.6 * min(-amount, 1.5)) if amount < 0 else ink


def _fade(ink: np.ndarray, depth: float, rng: np.random.Generator) -> np.ndarray:
    """Make the ink paler and darker along the line, as pressure and the ink left in a nib do."""
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
        """Everything smooth about a hand on a (height, width) image, as one map.

        Slope and slow wave of the baseline at y = `axis`, swaying letter widths, flattened small letters, and
        a fine random field.
        """
        if not (style.rise or style.bend or style.warp or style.sway or style.flatten != 1):
            return cls(None)
        # Knots about one small letter apart: nearer ones would shake the strokes themselves.
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
        # Heights over the baseline: below it nothing changes, above the small letters all moves as one.
        top = style.flatten * x_height
        heights = axis - 0.5 - np.arange(height)
        rows = np.interp(heights, [-height, 0, top, top + height], [-height, 0, x_height, x_height + height])
        source[..., 0] += np.arange(width, dtype=np.float32) + np.float32(style.sway * x_height) * sway
        source[..., 1] += (axis - 0.5 - rows).astype(np.float32)[:, None] + slow.astype(np.float32)
        return cls(source)

    def image(self, ink: np.ndarray) -> np.ndarray:
        if self.source is None:
            return ink
        return cv2.remap(ink, self.source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Where input `points` (n, 2) appear in the output, by fixed-point iteration."""
        points = points.astype(np.float32)
        if self.source is None:
            return points
        height, width = self.source.shape[:2]
        limit = np.array([width - 1, height - 1], np.float32)
        moved = points - 0.5
        for _ in range(6):
            # Outside the image the displacement of the nearest edge pixel goes on.
            inside = np.clip(moved, 0, limit)
            seen = cv2.remap(self.source, inside[:, None], None, cv2.INTER_LINEAR)[:, 0]
            moved = points - 0.5 - (seen - inside)
        return moved + 0.5

    def labels(self, boxes: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Moved boxes (n, 4), around the moved middles of their edges, and moved baseline (m, 2).

        Edge middles rather than corners: the corners of a box round a slanted letter hold no ink.
        """
        x0, y0, x1, y1 = boxes.T
        xc, yc = (x0 + x1) / 2, (y0 + y1) / 2
        middles = np.stack([xc, y0, x1, yc, xc, y1, x0, yc], 1).reshape(-1, 2)
        moved = self.points(np.concatenate([middles, baseline]))
        around = moved[: len(middles)].reshape(-1, 4, 2)
        return np.concatenate([around.min(1), around.max(1)], 1), moved[len(middles) :]
