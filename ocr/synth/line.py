"""Synthetic text lines: a random text in a random font, style and degradation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ocr.errors import ConfigError, FontError
from ocr.synth import ASSETS, LINE_HEIGHT
from ocr.synth.corpus import CODES_PROBABILITY, Corpus
from ocr.synth.degrade import DegradeSettings, degrade
from ocr.synth.fonts import Font, FontLibrary
from ocr.synth.render import Box, LineRenderer, Mixture, Style


@dataclass
class SynthLine:
    """A line image with its labels, in its own pixels."""

    image: np.ndarray
    """uint8 (h, w) gray."""
    text: str
    language: str
    kind: str
    """`handwritten` or `print`, as in the project's line sets."""
    characters: list[tuple[str, Box]]
    """Every character of `text` in order, including spaces, with the box (x0, y0, x1, y1) of its ink."""
    words: list[tuple[str, Box]]
    polygon: np.ndarray
    baseline: np.ndarray
    font: str
    running_text: bool = True
    """False where the words are unrelated, so that no language should be learned from them."""


class LineSynthesizer:
    """Endless synthetic lines; sample i of seed s is `sample(np.random.default_rng([s, i]))`.

    Args:
        fonts, corpus: folders of fonts and of texts; None takes those that ship with the package.
        height: height of the lines in pixels, at least 16.
        characters: lowest and highest length of a text.
        clean_probability: share of lines in black on white.
        neighbor_probability: chance of ink of the line above, and of the line below.
        strike_probability: chance that a word is written twice and crossed out once.
        mixture_probability: chance that a second font draws some of the characters.
        font_weights, language_weights: shares of the grades of fonts and of the languages; None for the usual ones.
        codes_probability: share of addresses of pages and mailboxes, and of amounts, in the texts.
        degrade: probabilities of the effects of paper, ink and camera.
    Raises:
        ConfigError: the height is too small. FontError, DataError: a folder is missing or holds nothing usable.
    """

    def __init__(
        self,
        *,
        fonts: str | None = None,
        corpus: str | None = None,
        height: int = LINE_HEIGHT,
        characters: tuple[int, int] = (1, 80),
        clean_probability: float = 0.08,
        neighbor_probability: float = 0.35,
        strike_probability: float = 0.02,
        mixture_probability: float = 0.25,
        font_weights: Mapping[str, float] | None = None,
        language_weights: Mapping[str, float] | None = None,
        codes_probability: float = CODES_PROBABILITY,
        degrade: DegradeSettings | None = None,
    ):
        if height < 16:
            raise ConfigError(f"height={height}: lines need at least 16 pixels")
        self.fonts = FontLibrary(fonts or ASSETS / "fonts", weights=font_weights)
        self.corpus = Corpus(
            corpus or ASSETS / "text", weights=language_weights, codes_probability=codes_probability
        )
        self.characters = (int(characters[0]), int(characters[1]))
        self.clean_probability = clean_probability
        self.neighbor_probability = neighbor_probability
        self.strike_probability = strike_probability
        self.mixture_probability = mixture_probability
        self.degrade = degrade or DegradeSettings()
        self.renderer = LineRenderer(height=height)

    def sample(self, rng: np.random.Generator) -> SynthLine:
        """Draw one line; the same generator state gives the same line.

        Raises:
            FontError: a font file of the table is missing or unreadable.
        """
        for _ in range(20):
            text, language = self.corpus.sample(rng, characters=self.characters)
            font, text = self.fonts.choose(rng, text)
            if not text:
                continue
            try:
                return self._line(rng, text, language, font)
            except FontError:
                # Shaping can need a glyph that is not in the character map: take another font.
                continue
        raise FontError(f"{self.fonts.directory}: 20 texts in a row could not be drawn")

    def _line(self, rng: np.random.Generator, text: str, language: str, font: Font) -> SynthLine:
        words = text.split(" ")
        struck: frozenset[int] = frozenset()
        if len(words) > 2 and rng.random() < self.strike_probability:
            # The label does not hold the struck word: draw a word twice and cross one out.
            at = int(rng.integers(len(words)))
            words.insert(at, words[int(rng.integers(len(words)))])
            struck = frozenset({at})
        full = " ".join(words)
        drawn = _handwritten_marks(rng, full, font)
        above = self._neighbor(rng, font)
        below = self._neighbor(rng, font)
        line = self.renderer.render(
            full,
            font,
            sample_style(rng, font),
            rng,
            drawn=drawn,
            mixture=self._mixture(rng, drawn, font),
            struck=struck,
            above=above,
            below=below,
        )
        clean = rng.random() < self.clean_probability
        image = degrade(line, rng, None if clean else self.degrade)
        return SynthLine(
            image=image,
            text=text,
            language=language,
            kind="print" if font.info.grade == "P" else "handwritten",
            characters=line.characters,
            words=line.words,
            polygon=line.polygon,
            baseline=line.baseline,
            font=font.name,
        )

    def _mixture(self, rng: np.random.Generator, text: str, font: Font) -> Mixture | None:
        """Choose a second font of similar stroke width for some letters, capitals or digits of the line."""
        if font.info.grade == "P" or rng.random() >= self.mixture_probability:
            return None
        capitals = frozenset(character for character in text if character.isupper())
        digits = frozenset(character for character in text if character.isdigit())
        letters = sorted({character for character in text if character.islower()})
        some = frozenset(character for character in letters if rng.random() < 0.3)
        # Letters of a joined script cannot be replaced one by one, but its capitals and digits stand alone.
        options = [capitals, digits, capitals | digits] + ([] if font.connected else [some, some | capitals])
        characters = options[int(rng.integers(len(options)))]
        second, _ = self.fonts.choose(rng, "".join(sorted(characters)))
        alike = 0.7 * font.stroke_share < second.stroke_share < 1.4 * font.stroke_share
        joined = second.connected and characters & frozenset(letters)
        if not characters or not alike or joined or second.info.allcaps or second.info.grade in "CP":
            return None
        return Mixture(second, characters) if all(map(second.covers, characters)) else None

    def _neighbor(self, rng: np.random.Generator, font: Font) -> str:
        if rng.random() >= self.neighbor_probability:
            return ""
        text, _ = self.corpus.sample(rng, characters=(1, max(12, self.characters[1] // 2)))
        text = text.upper() if font.info.allcaps else text
        return text if font.covers(text) else ""


def sample_style(rng: np.random.Generator, font: Font) -> Style:
    """Draw a random style that suits the font: print stays upright, script may lean and stretch far."""
    if font.info.grade == "P":
        return Style(
            slant=0.2 if rng.random() < 0.1 else 0.0,
            stretch=float(rng.uniform(0.85, 1.25)),
            tracking=float(max(0, rng.normal(0, 0.06))),
            rise=float(rng.normal(0, 0.001)),
            stroke=float(font.stroke_share * rng.uniform(0.75, 1.1)),
        )
    # Old hands are wide and lean far to the right; modern ones are narrower, upright or nearly so.
    old = rng.random() < (0.55 if font.connected else 0.3)
    slant = rng.normal(0.75, 0.25) if old else rng.normal(0.22, 0.2)
    # Widths of real lines, in x-heights per character, independent of the width of the font.
    width = math.exp(rng.normal(0.60, 0.30) if old else rng.normal(0.24, 0.26))
    stretch = width * -font.x_height / font.pitch
    return Style(
        slant=float(np.clip(slant - font.slant, -0.3, 1.0)),
        stretch=float(np.clip(stretch, 0.65, 1.9)),
        tracking=float(rng.uniform(-0.06, 0.25)),
        word_space=math.exp(rng.normal(0.14, 0.28)),
        space_jitter=float(rng.uniform(0.02, 0.3)),
        glyph_jitter=float(rng.gamma(2.0, 0.5)),
        word_jitter=float(rng.gamma(2.0, 0.5)),
        rise=float(rng.normal(0, 0.004)),
        bend=float(abs(rng.normal(0, 0.12))),
        warp=0.0 if rng.random() < 0.12 else float(rng.uniform(0.015, 0.11)),
        sway=float(abs(rng.normal(0, 0.14))),
        flatten=float(np.clip(math.exp(rng.normal(-0.2, 0.15) if old else rng.normal(-0.03, 0.1)), 0.6, 1.2)),
        stroke=0.112 * math.exp(rng.normal(0, 0.33)),
        nib=int(rng.choice(3, p=[0.6, 0.2, 0.2])),
        pressure=0.0 if rng.random() < 0.4 else float(rng.uniform(0.1, 0.5)),
    )


_MARKS = {"'": "\u2019", '"': "\u201d", "-": "\u2013"}


def _handwritten_marks(rng: np.random.Generator, text: str, font: Font) -> str:
    """Replace some straight quotes and hyphens, as in labels, by curly quotes and dashes, as in handwriting."""
    for plain, drawn in _MARKS.items():
        if plain in text and rng.random() < (0.5 if plain != "-" else 0.2) and font.covers(drawn):
            text = text.replace(plain, drawn)
    return text
