"""Hands for synthetic pages: a font, a style, a size and an ink that stay the same on a page."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ocr.errors import FontError
from ocr.synth.corpus import Corpus
from ocr.synth.fonts import Font, FontLibrary
from ocr.synth.line import sample_style
from ocr.synth.render import LineRenderer, RenderedLine, Style

PANGRAM = "The quick brown fox jumps over"

HEIGHTS = (40, 64, 100, 160)
"""Heights in pixels at which lines are rendered: near their size on the page, so that scaling does not blur them."""

INKS = (
    ((28, 28, 34), 0.40),  # black
    ((30, 44, 120), 0.25),  # blue ball pen
    ((52, 60, 96), 0.08),  # blue-black
    ((62, 40, 26), 0.14),  # iron gall, brown
    ((92, 92, 96), 0.08),  # pencil
    ((158, 32, 40), 0.03),  # red
    ((24, 96, 66), 0.02),  # green
)


@dataclass(frozen=True)
class Hand:
    """One hand: `x_height` in pixels of the page, `color` RGB, `kind` handwritten or print."""

    font: Font
    style: Style
    x_height: float
    color: tuple[float, float, float]
    kind: str
    char_width: float
    """Mean advance of a character in pixels of the page."""

    def scaled(self, factor: float) -> Hand:
        """Return the same hand, larger or smaller."""
        return replace(self, x_height=self.x_height * factor, char_width=self.char_width * factor)


class Scribe:
    """Source of random texts and hands, and renderer of lines of them."""

    def __init__(self, handwriting: FontLibrary, print_fonts: FontLibrary, corpus: Corpus):
        self.handwriting = handwriting
        self.print_fonts = print_fonts
        self.corpus = corpus
        # Large frames: the lines of a page overlap, so that no line may be cut at the border of its picture.
        self.renderers = {
            height: LineRenderer(
                height=height, padding=(0.3, 0.4), margin=(0.25, 0.25), max_width=8192, framed_probability=0
            )
            for height in HEIGHTS
        }

    def hand(self, rng: np.random.Generator, x_height: float, *, kind: str = "handwritten") -> Hand:
        """Draw a random hand of a kind. Raises FontError where no font can be drawn."""
        library = self.handwriting if kind == "handwritten" else self.print_fonts
        for _ in range(20):
            font, text = library.choose(rng, PANGRAM)
            style = sample_style(rng, font)
            try:
                line = self._renderer(x_height).render(text, font, style, rng)
            except FontError:
                continue
            left, right = _extent(line)
            width = (right - left) / len(text) * x_height / line.x_height
            if kind == "handwritten":
                color = INKS[int(rng.choice(len(INKS), p=[share for _, share in INKS]))][0]
            else:
                color = (25, 25, 28) if rng.random() < 0.75 else tuple(rng.uniform(20, 130, 3))
            return Hand(font, style, x_height, tuple(float(c) for c in color), kind, float(width))
        raise FontError(f"{library.directory}: 20 fonts in a row could not draw {PANGRAM!r}")

    def text(self, rng: np.random.Generator, hand: Hand, low: int, high: int) -> str:
        """Draw a text of `low` to `high` characters, without those that the font of the hand lacks; may be empty."""
        high = max(high, 1)
        text, _ = self.corpus.sample(rng, characters=(int(np.clip(low, 1, high)), high))
        return self.drawable(hand, text)

    def drawable(self, hand: Hand, text: str) -> str:
        """Return `text` without characters that the font of the hand lacks."""
        text = text.upper() if hand.font.info.allcaps else text
        if not hand.font.covers(text):
            text = "".join(character for character in text if hand.font.covers(character))
        return " ".join(text.split())

    def draw(
        self, rng: np.random.Generator, hand: Hand, text: str, *, struck: frozenset[int] = frozenset()
    ) -> RenderedLine:
        """Render one line at the nearest of `HEIGHTS`.

        Raises:
            FontError: the font cannot draw the text.
        """
        return self._renderer(hand.x_height).render(text, hand.font, hand.style, rng, struck=struck)

    def _renderer(self, x_height: float) -> LineRenderer:
        # The x-height is about a fifth of such a large frame.
        return self.renderers[min(HEIGHTS, key=lambda height: abs(np.log(height / (4.5 * x_height))))]


def _extent(line: RenderedLine) -> tuple[float, float]:
    return min(box[0] for _, box in line.words), max(box[2] for _, box in line.words)
