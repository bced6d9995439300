"""Synthetic lines in scripts other than the Latin one, to tell these from what a recognizer knows.

Texts are words of random letters: the shapes matter, which nobody is going to read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ocr.errors import FontError
from ocr.synth import LINE_HEIGHT
from ocr.synth.degrade import degrade
from ocr.synth.fonts import Font, FontInfo
from ocr.synth.line import SynthLine, sample_style
from ocr.synth.render import LineRenderer, Style

LETTERS = {
    "Cyrillic": ((0x430, 0x44F),),
    "Greek": ((0x3B1, 0x3C9),),
    "Hebrew": ((0x5D0, 0x5EA),),
    "Arabic": ((0x627, 0x63A), (0x641, 0x64A)),
    "Devanagari": ((0x915, 0x939),),
    "Japanese": ((0x3042, 0x3093), (0x4E00, 0x5FFF)),
    "Korean": ((0xAC00, 0xD7A3),),
    "Chinese": ((0x4E00, 0x8FFF),),
    "Thai": ((0xE01, 0xE2E),),
    "Armenian": ((0x561, 0x586),),
    "Georgian": ((0x10D0, 0x10F0),),
    "Tamil": ((0xB95, 0xBB9),),
    "Bengali": ((0x995, 0x9B9),),
    "Ethiopic": ((0x1200, 0x1248),),
}
"""First and last code points of the letters of each script."""

CAPITALS = {"Cyrillic": (0x410, 0x42F), "Greek": (0x391, 0x3A9), "Armenian": (0x531, 0x556)}

VOWEL_SIGNS = {"Devanagari": (0x93E, 0x94C), "Tamil": (0xBBE, 0xBC2), "Bengali": (0x9BE, 0x9C4)}
"""Signs that are written at, above or below the letter before them."""

DENSE = ("Japanese", "Korean", "Chinese")
"""Scripts whose characters are as wide as high."""

PROBES = 6
"""Letters of a script that a font must have to be used for it."""


class ScriptSynthesizer:
    """Lines in one script, in the fonts of some folders that have it.

    Args:
        script: a key of `LETTERS`. fonts: of `find_fonts`, those that have the script are used.
        height: of the lines in pixels.
    Raises:
        FontError: no font has the script.
    """

    def __init__(self, script: str, fonts: Sequence[Font], *, height: int = LINE_HEIGHT) -> None:
        self.script = script
        self.letters = _letters(LETTERS[script])
        probes = self.letters[:: max(1, len(self.letters) // PROBES)]
        self.fonts = [font for font in fonts if font.covers("".join(probes))]
        if not self.fonts:
            raise FontError(f"none of {len(fonts)} fonts has the letters of the script {script}")
        self.renderer = LineRenderer(height=height)

    def sample(self, rng: np.random.Generator) -> SynthLine:
        """Draw a line; the same generator state gives the same line.

        Raises:
            FontError: a text cannot be drawn.
        """
        for _ in range(20):
            font = self.fonts[rng.integers(len(self.fonts))]
            style = sample_style(rng, font) if rng.random() < 0.5 else Style()
            text = self._text(rng, font)
            try:
                line = self.renderer.render(text, font, style, rng)
            except FontError:
                continue
            return SynthLine(
                image=degrade(line, rng, None),
                text=text,
                language="",
                kind="handwritten",
                characters=line.characters,
                words=line.words,
                polygon=line.polygon,
                baseline=line.baseline,
                font=font.name,
                running_text=False,
            )
        raise FontError(f"20 texts in the script {self.script} could not be drawn")

    def _text(self, rng: np.random.Generator, font: Font) -> str:
        dense = self.script in DENSE
        wanted = int(rng.integers(5, 22) if dense else rng.integers(8, 45))
        letters = [letter for letter in rng.choice(self.letters, 3 * wanted) if font.covers(letter)]
        words: list[str] = []
        while letters and sum(map(len, words)) < wanted:
            length = int(
                rng.integers(2, 5) if self.script == "Korean" else rng.integers(4, 16) if dense else 0
            )
            length = length or int(rng.integers(1, 9))
            words.append(self._word(rng, letters[:length]))
            letters = letters[length:]
        return " ".join(words)

    def _word(self, rng: np.random.Generator, letters: Sequence[str]) -> str:
        if self.script in CAPITALS and rng.random() < 0.15:
            letters = [rng.choice(_letters([CAPITALS[self.script]])), *letters[1:]]
        if self.script in VOWEL_SIGNS:
            signs = [
                chr(code) for code in _codes(VOWEL_SIGNS[self.script]) if unicodedata.name(chr(code), "")
            ]
            letters = [letter + (rng.choice(signs) if rng.random() < 0.5 else "") for letter in letters]
        return "".join(letters)


def find_fonts(folders: Iterable[str | Path]) -> list[Font]:
    """Find the TrueType and OpenType fonts in folders and below them, sorted by name; bold ones are left out.

    Raises:
        FontError: there are none.
    """
    files = {
        path.name: path
        for folder in folders
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix.lower() in (".ttf", ".otf", ".ttc") and "Bold" not in path.name
    }
    if not files:
        raise FontError(f"{', '.join(map(str, folders))}: no fonts (.ttf, .otf, .ttc)")
    empty = frozenset()
    return [Font(files[name], FontInfo(name, "A", empty, False, empty)) for name in sorted(files)]


def _letters(ranges: Iterable[tuple[int, int]]) -> list[str]:
    codes = (code for span in ranges for code in _codes(span))
    return [chr(code) for code in codes if unicodedata.category(chr(code)).startswith("L")]


def _codes(span: tuple[int, int]) -> range:
    return range(span[0], span[1] + 1)
