"""Fonts for synthetic lines: covered characters, shaping and outlines, all cached.

Outlines and advances are in units of `EM` pixels per em, y down, origin on the baseline.
"""

from __future__ import annotations

import csv as csv_module
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import skia
import uharfbuzz

from ocr.errors import FontError

EM = 256.0
"""Size in pixels of outlines and advances."""

GRADES = ("A", "B", "C", "P")
"""Grades: natural handwriting, casual or script, decorative, printed."""

DEFAULT_WEIGHTS = {"A": 0.46, "B": 0.37, "C": 0.05, "P": 0.12}

SHARED_WORD = 5
"""Number of families of a grade with the same first word from which they count as variants of one design: so do 45
Playwrite families and 11 Edu families, but not two families named Love or Just."""

_FLAGS = ("fr", "de", "es")


@dataclass(frozen=True)
class Glyph:
    """One shaped glyph: `cluster` is the index of its first character in the shaped string."""

    id: int
    cluster: int
    advance: float
    x_offset: float
    y_offset: float


@dataclass(frozen=True)
class FontInfo:
    """A row of fonts.csv; `stroke` is the stroke thickness in ems, 0 where unknown; `family` defaults to the file."""

    file: str
    grade: str
    languages: frozenset[str]
    allcaps: bool
    missing: frozenset[str]
    stroke: float = 0.0
    family: str = ""


class Font:
    """One font file, opened on first use.

    Raises:
        FontError: (on first use) the file is missing or is not a font.
    """

    def __init__(self, path: Path, info: FontInfo):
        self.path = path
        self.info = info
        self._covered: dict[str, bool] = {}
        self._outlines: dict[int, tuple[skia.Path, tuple[float, float, float, float]]] = {}

    def __getstate__(self) -> dict:
        return {"path": self.path, "info": self.info, "_covered": {}, "_outlines": {}}

    @property
    def name(self) -> str:
        """File name of the font."""
        return self.path.name

    @cached_property
    def _skia(self) -> skia.Font:
        if not self.path.is_file():
            raise FontError(f"{self.path}: font file not found")
        typeface = skia.Typeface.MakeFromFile(str(self.path))
        if typeface is None:
            raise FontError(f"{self.path}: not a readable font")
        font = skia.Font(typeface, EM)
        font.setHinting(skia.FontHinting.kNone)
        font.setLinearMetrics(True)
        font.setSubpixel(True)
        return font

    @cached_property
    def _harfbuzz(self) -> uharfbuzz.Font:
        # Skia checks that the file is a font; HarfBuzz would shape nothing without an error.
        if self._skia.getTypeface().countGlyphs() == 0:
            raise FontError(f"{self.path}: the font holds no glyphs")
        font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(self.path))))
        font.scale = (int(EM * 64), int(EM * 64))
        return font

    def outline(self, glyph: int) -> tuple[skia.Path, tuple[float, float, float, float]]:
        """Return the path of a glyph and its bounds (left, top, right, bottom); an empty path has zero bounds."""
        if glyph not in self._outlines:
            path = self._skia.getPath(glyph) or skia.Path()
            box = path.computeTightBounds()
            self._outlines[glyph] = path, (box.left(), box.top(), box.right(), box.bottom())
        return self._outlines[glyph]

    def covers(self, text: str) -> bool:
        """Tell whether every character of `text` has a glyph, with an outline unless it is a space."""
        return all(self._covers(character) for character in text)

    def _covers(self, character: str) -> bool:
        covered = self._covered.get(character)
        if covered is None:
            glyph = self._harfbuzz.get_nominal_glyph(ord(character))
            covered = (
                character not in self.info.missing
                and bool(glyph)
                and (character.isspace() or not self.outline(glyph)[0].isEmpty())
            )
            self._covered[character] = covered
        return covered

    def shape(self, text: str) -> list[Glyph]:
        """Shape one word (kerning, ligatures, contextual joins).

        Raises:
            FontError: a character has no glyph; the glyph for missing characters is never drawn.
        """
        buffer = uharfbuzz.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        uharfbuzz.shape(self._harfbuzz, buffer, None)
        glyphs = [
            Glyph(
                info.codepoint,
                info.cluster,
                place.x_advance / 64,
                place.x_offset / 64,
                -place.y_offset / 64,
            )
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
        ]
        if any(glyph.id == 0 for glyph in glyphs):
            raise FontError(f"{self.name}: no glyph for part of {text!r}")
        return glyphs

    def _bounds(self, characters: str) -> np.ndarray:
        """Collect (n, 5) left, top, right, bottom, advance of the `characters` that the font covers."""
        rows = []
        for character in characters:
            if self.covers(character):
                glyph = self._harfbuzz.get_nominal_glyph(ord(character))
                advance = self._harfbuzz.get_glyph_h_advance(glyph) / 64
                rows.append((*self.outline(glyph)[1], advance))
        return np.array(rows, np.float64).reshape(-1, 5)

    @cached_property
    def space(self) -> float:
        """Width of a space, limited to the usual space between words (some fonts have none or a huge one)."""
        glyph = self._harfbuzz.get_nominal_glyph(32)
        width = self._harfbuzz.get_glyph_h_advance(glyph) / 64 if glyph else 0.0
        x_height = -self.x_height
        return float(np.clip(width, 0.45 * x_height, 1.3 * x_height))

    @cached_property
    def x_height(self) -> float:
        """Top of small letters, negative (y down); two thirds of that of capitals in fonts without small letters."""
        bounds = self._bounds("XZAENOU" if self.info.allcaps else "xzaenou")
        share = 0.67 if self.info.allcaps else 1.0
        return share * float(np.median(bounds[:, 1])) if len(bounds) else -0.4 * EM

    @cached_property
    def ascender(self) -> float:
        """Top of tall letters, negative (y down)."""
        bounds = self._bounds("ldhbkTE")
        return float(np.median(bounds[:, 1])) if len(bounds) else -0.7 * EM

    @cached_property
    def descender(self) -> float:
        """Bottom of hanging letters, positive (y down)."""
        bounds = self._bounds("pgqy")
        lowest = float(np.median(bounds[:, 3])) if len(bounds) else 0.2 * EM
        return max(lowest, -0.2 * self.x_height)

    @cached_property
    def stroke_share(self) -> float:
        """Stroke thickness as a share of the x-height; 0 where the table has none."""
        return self.info.stroke * EM / -self.x_height

    @cached_property
    def pitch(self) -> float:
        """Mean advance of running text, spaces included."""
        bounds = self._bounds("etaoinshrdlucm")
        letters = float(bounds[:, 4].mean()) if len(bounds) else 0.45 * EM
        return 0.83 * letters + 0.17 * self.space

    @cached_property
    def slant(self) -> float:
        """Shear of tall strokes of the font, positive to the right."""
        shears = []
        for character in "lIhd":
            if self.covers(character):
                path = self.outline(self._harfbuzz.get_nominal_glyph(ord(character)))[0]
                points = np.array([(p.x(), -p.y()) for p in path.getPoints(path.countPoints())])
                spread = points - points.mean(0)
                shears.append((spread[:, 0] * spread[:, 1]).sum() / max((spread[:, 1] ** 2).sum(), 1.0))
        return float(np.median(shears)) if shears else 0.0

    @cached_property
    def connected(self) -> bool:
        """Return True where small letters are joined to the next one, so that they cannot be moved apart."""
        if not self.covers("aeimnu"):
            return False
        # The text is shaped, as some fonts join letters only by substitution.
        gaps, end, pen = [], None, 0.0
        for glyph in self.shape("minuneamaenimu"):
            left, _, right, _ = self.outline(glyph.id)[1]
            if right > left:
                if end is not None:
                    gaps.append(pen + glyph.x_offset + left - end)
                end = pen + glyph.x_offset + right
            pen += glyph.advance
        return bool(np.median(gaps) < 0.012 * EM)


def _int(row: Mapping[str, str], key: str) -> int:
    value = (row.get(key) or "0").strip()
    return int(value) if value.isdigit() else 0


def group_shares(families: Sequence[str]) -> np.ndarray:
    """Compute the share of each font when a group of related families is drawn first, then a file of the group.

    Families with the same first word are a group where there are `SHARED_WORD` or more of them; every other family
    is a group of its own. The weight of a group is the square root of its number of families, a compromise for a
    school script in 45 national variants: with weight 1 it would be as rare as a single family, with weight 45 a
    third of all lines. Files of one family (weights, obliques) share the weight of their family.

    Args:
        families: the family of each font of one grade.

    Returns:
        (n,) shares that sum to 1.
    """
    by_word = Counter(family.split()[0] for family in set(families))
    groups = [word if by_word[word := family.split()[0]] >= SHARED_WORD else family for family in families]
    members = defaultdict(set)
    for group, family in zip(groups, families, strict=True):
        members[group].add(family)
    files = Counter(groups)
    shares = np.array([len(members[group]) ** 0.5 / files[group] for group in groups], np.float64)
    return shares / shares.sum()


class FontLibrary:
    """Fonts of a folder: `directory/fonts.csv` with the files in `directory/fonts`.

    Within a grade, groups of related families are drawn first (`group_shares`). Files are opened on first use, so
    that a library is cheap to create and to pickle.

    Args:
        grades: grades of the fonts to keep.
        weights: share of each grade; by default mostly natural handwriting with few decorative fonts and 12 % print.
        csv: name of the table.
    Raises:
        FontError: the folder or fonts.csv is missing or empty, or a weight names an unknown grade.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        grades: Iterable[str] = GRADES,
        weights: Mapping[str, float] | None = None,
        csv: str = "fonts.csv",
    ):
        self.directory = Path(directory)
        table = self.directory / csv
        if not table.is_file():
            raise FontError(f"{table}: font table not found")
        weights = dict(DEFAULT_WEIGHTS if weights is None else weights)
        unknown = sorted((set(weights) | set(grades)) - set(GRADES))
        if unknown:
            raise FontError(f"unknown font grade {unknown[0]!r}; grades are {', '.join(GRADES)}")
        self.fonts: list[Font] = []
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv_module.DictReader(file):
                if row.get("file") and row.get("grade") in grades:
                    self.fonts.append(self._font(row))
        self._drawn, shares = [], []
        for grade in GRADES:
            fonts = [font for font in self.fonts if font.info.grade == grade]
            if fonts and weights.get(grade, 0) > 0:
                self._drawn += fonts
                shares.append(weights[grade] * group_shares([font.info.family for font in fonts]))
        if not self._drawn:
            raise FontError(f"{table}: no font of grade {', '.join(grades)} with a positive weight")
        # Grade, group and file share one cumulative table: one random number and one bisection per choice.
        cumulative = np.cumsum(np.concatenate(shares))
        self._cumulative: list[float] = (cumulative / cumulative[-1]).tolist()

    def _font(self, row: Mapping[str, str]) -> Font:
        missing = (row.get("missing_ascii") or "") + (row.get("missing_typographic") or "")
        try:
            stroke = float(row.get("stroke_px_at_64") or 0) / 64
        except ValueError:
            stroke = 0.0
        info = FontInfo(
            file=row["file"],
            grade=row["grade"],
            languages=frozenset({"en", *(flag for flag in _FLAGS if _int(row, flag))}),
            allcaps=bool(_int(row, "allcaps")),
            missing=frozenset(missing),
            stroke=stroke,
            family=(row.get("family") or "").strip() or row["file"],
        )
        return Font(self.directory / "fonts" / row["file"], info)

    def __len__(self) -> int:
        return len(self.fonts)

    def get(self, name: str) -> Font:
        """Return the font whose file is called `name`.

        Raises:
            FontError: the library has no such font.
        """
        for font in self.fonts:
            if font.name == name:
                return font
        raise FontError(f"{name}: no such font in {self.directory}")

    def choose(self, rng: np.random.Generator, text: str, *, tries: int = 12) -> tuple[Font, str]:
        """Draw a font that covers `text`, by grade, then by group of families; return it and the text to draw.

        The text is in capitals for a font that has no small letters. Where `tries` fonts lack some character, the
        last one is used and the characters that it lacks are dropped.

        Raises:
            FontError: a font file is missing or unreadable.
        """
        for _ in range(tries):
            font = self._drawn[bisect_right(self._cumulative, rng.random())]
            drawn = text.upper() if font.info.allcaps else text
            if font.covers(drawn):
                return font, drawn
        kept = "".join(character for character in drawn if font.covers(character))
        return font, " ".join(kept.split())
