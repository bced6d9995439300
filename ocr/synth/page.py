"""Synthetic pages with exact labels: a sheet is written in a random layout, then scanned or photographed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ocr.errors import ConfigError
from ocr.geometry import CoordinateMap, clip_polygon, polygon_area
from ocr.synth import ASSETS
from ocr.synth.camera import shoot
from ocr.synth.corpus import Corpus
from ocr.synth.fonts import FontLibrary
from ocr.synth.layouts import LAYOUTS, Desk, margin_notes, office_marks
from ocr.synth.paper import blank_sheet, bleed_through, color_ground, punch_holes
from ocr.synth.scribe import Scribe
from ocr.synth.sheet import Sheet, WrittenLine, WrittenWord
from ocr.types import Page, Polygon, TextLine, Word

FONT_WEIGHTS = {"A": 0.55, "B": 0.38, "C": 0.07}
"""Shares of the grades of fonts for handwriting."""


@dataclass
class SynthPage:
    """A page image, uint8 (h, w, 3) RGB, with its labels, in its own pixels.

    `characters` has an entry for each word of `page`, in the order of lines and words: every character of the word
    with its quadrilateral (4, 2) float32, clockwise from the top-left corner in reading direction.
    """

    image: np.ndarray
    page: Page
    characters: list[list[tuple[str, Polygon]]]
    layout: str = ""

    @property
    def character_polygons(self) -> list[list[Polygon]]:
        """The quadrilaterals of `characters` without their text."""
        return [[polygon for _, polygon in word] for word in self.characters]


class PageSynthesizer:
    """Endless synthetic pages; page i of seed s is `sample(np.random.default_rng([s, i]))`.

    Args:
        fonts, corpus: folders of fonts and of texts; None takes those that ship with the package.
        longer_side: lowest and highest longer side of a page in pixels.
        layouts: share of each layout, instead of those of `LAYOUTS`.
        font_weights: shares of the grades of fonts for handwriting; None for `FONT_WEIGHTS`.
        language_weights: shares of the languages; None for the usual ones.
        ground_probability: share of pages on colored paper or, in light writing, on boards.
    Raises:
        ConfigError: a size out of range or an unknown layout. FontError, DataError: a folder is missing or holds
            nothing usable.
    """

    def __init__(
        self,
        *,
        fonts: str | None = None,
        corpus: str | None = None,
        longer_side: tuple[int, int] = (900, 1300),
        layouts: Mapping[str, float] | None = None,
        font_weights: Mapping[str, float] | None = None,
        language_weights: Mapping[str, float] | None = None,
        ground_probability: float = 0.08,
    ):
        if not 300 <= longer_side[0] <= longer_side[1]:
            raise ConfigError(f"longer_side={tuple(longer_side)}: expected 300 <= lowest <= highest")
        shares = {name: share for name, (_, share) in LAYOUTS.items()} if layouts is None else dict(layouts)
        unknown = sorted(set(shares) - set(LAYOUTS))
        if unknown or not any(share > 0 for share in shares.values()):
            raise ConfigError(f"unknown page layout {unknown}; layouts are {', '.join(LAYOUTS)}")
        folder = fonts or ASSETS / "fonts"
        grades = {k: v for k, v in (font_weights or FONT_WEIGHTS).items() if k != "P"}
        self.scribe = Scribe(
            FontLibrary(folder, grades=("A", "B", "C"), weights=grades),
            FontLibrary(folder, grades=("P",), weights={"P": 1.0}),
            Corpus(corpus or ASSETS / "text", weights=language_weights),
        )
        self.longer_side = (int(longer_side[0]), int(longer_side[1]))
        self.ground_probability = ground_probability
        self.names = [name for name, share in shares.items() if share > 0]
        weights = np.array([shares[name] for name in self.names], np.float64)
        self.shares = weights / weights.sum()

    def sample(self, rng: np.random.Generator) -> SynthPage:
        """Draw one page; the same generator state gives the same page.

        Raises:
            FontError: a font file is missing or unreadable.
        """
        layout = self.names[int(rng.choice(len(self.names), p=self.shares))]
        longer_side = int(rng.integers(self.longer_side[0], self.longer_side[1] + 1))
        sheet = self._write(rng, layout, longer_side)
        if rng.random() < self.ground_probability:
            sheet.image = color_ground(rng, sheet.image)
        image, to_picture = shoot(rng, sheet.image, longer_side)
        return _label(sheet, image, to_picture, layout)

    def _write(self, rng: np.random.Generator, layout: str, longer_side: int) -> Sheet:
        aspect = rng.choice([1.29, 1.414, 1.55, 0.72, 1.0], p=[0.3, 0.37, 0.15, 0.13, 0.05])
        if layout == "columns" and rng.random() < 0.6:
            aspect = 0.72
        aspect *= rng.uniform(0.95, 1.05)
        size = (
            (longer_side, int(longer_side / aspect))
            if aspect >= 1
            else (int(longer_side * aspect), longer_side)
        )
        height, width = size
        x_height = float(longer_side * np.exp(rng.normal(np.log(0.0125), 0.27)))
        x_height = float(np.clip(x_height, 4.5, 0.028 * longer_side))
        hand = self.scribe.hand(rng, x_height)
        font = hand.font
        reach = (font.descender - font.ascender) / -font.x_height
        pitch = x_height * max(rng.uniform(2.2, 3.9), rng.uniform(0.75, 1.1) * reach)
        sheet = blank_sheet(rng, size, pitch)
        margins = rng.uniform(0.025, 0.1, 4)
        margins[0] = rng.uniform(0.12, 0.25) if rng.random() < 0.2 else margins[0]
        desk = Desk(
            sheet=sheet,
            scribe=self.scribe,
            rng=rng,
            hand=hand,
            pitch=pitch,
            left=margins[0] * width,
            top=margins[1] * height + pitch,
            right=(1 - margins[2]) * width,
            bottom=(1 - margins[3]) * height,
            slope=0.0 if sheet.pitch else float(rng.normal(0, 0.8)),
        )
        if rng.random() < 0.12:
            punch_holes(rng, sheet)
        LAYOUTS[layout][0](desk)
        if layout in ("prose", "letter", "notes"):
            margin_notes(desk)
        if rng.random() < 0.12:
            office_marks(desk)
        if rng.random() < 0.2 and layout != "blank":
            bleed_through(rng, sheet)
        return sheet


def _label(sheet: Sheet, image: np.ndarray, to_picture: CoordinateMap, layout: str) -> SynthPage:
    """Map the labels of a sheet to the picture; words that the picture cuts off become ignored areas."""
    height, width = image.shape[:2]
    page = Page(source="synthetic", height=height, width=width)
    characters: list[list[tuple[str, Polygon]]] = []
    for polygon in sheet.ignore:
        _ignore(page, to_picture.apply(polygon))
    for number, written in enumerate(sheet.lines):
        kept = []
        for word in written.words:
            polygon = to_picture.apply(word.polygon)
            if _share_inside(polygon, page) > 0.9:
                kept.append(word)
            else:
                _ignore(page, polygon)
        if not kept:
            continue
        page.lines.append(_line(written, kept, to_picture, page, number))
        characters += [[(c, to_picture.apply(quad)) for c, quad in word.characters] for word in kept]
    return SynthPage(image, page, characters, layout)


def _line(
    written: WrittenLine, kept: list[WrittenWord], to_picture: CoordinateMap, page: Page, number: int
) -> TextLine:
    words = [Word(word.text, to_picture.apply(word.polygon), 1.0) for word in kept]
    polygon = to_picture.apply(written.polygon)
    if _share_inside(polygon, page) < 1:
        polygon = clip_polygon(polygon, page.height, page.width)
    return TextLine(
        polygon=polygon,
        baseline=to_picture.apply(written.baseline),
        text=" ".join(word.text for word in words),
        confidence=1.0,
        words=words,
        kind=written.kind,
        id=f"l{number}",
    )


def _share_inside(polygon: Polygon, page: Page) -> float:
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    if low.min() >= 0 and high[0] <= page.width and high[1] <= page.height:
        return 1.0
    area = polygon_area(polygon)
    return polygon_area(clip_polygon(polygon, page.height, page.width)) / area if area else 0.0


def _ignore(page: Page, polygon: Polygon) -> None:
    inside = clip_polygon(polygon, page.height, page.width)
    if len(inside):
        page.ignore.append(inside)
