"""Synthetic lines in the hands of recorded writers, with the paper, ink and degradation of the other lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ocr.errors import ConfigError, DataError
from ocr.synth import ASSETS
from ocr.synth.corpus import Corpus
from ocr.synth.degrade import DegradeSettings, degrade
from ocr.synth.line import SynthLine
from ocr.synth.render import Box, RenderedLine
from ocr.synth.strokes.characters import Traits, traits_of_writers
from ocr.synth.strokes.hands import HandChange, change_hand, sample_change
from ocr.synth.strokes.library import Strokes, StrokeTable, is_tall, join
from ocr.synth.strokes.pens import SUPERSAMPLING, Pen, draw, flow, sample_pen, smooth, widths
from ocr.synth.strokes.pieces import LocatedStrokes, PieceLibrary
from ocr.synth.units import MAX_ATTEMPTS

MAX_WIDTH = 4096
"""Pixels; longer lines are narrowed to it."""


@dataclass(frozen=True)
class Written:
    """Strokes of a line with the text that they say."""

    text: str
    words: list[tuple[str, Strokes]]
    """Parts of the line that stay whole: its words where they are told apart, else the line itself."""
    writer: str
    running_text: bool


def draw_plain(strokes: Strokes, pen: Pen, *, height: int = 64) -> tuple[np.ndarray, float, float]:
    """Draw strokes in black on white, without any change.

    Returns:
        uint8 (height, w) picture, pixels per x-height, and the x in pixels of the strokes' origin.
    """
    top, bottom = float(strokes.points[:, 1].min()), float(strokes.points[:, 1].max())
    scale, baseline = _fitted(top, bottom, height=height, scale=0.3 * height, baseline=0.69 * height)
    left = 8.0
    width = min(MAX_WIDTH, math.ceil(strokes.right * scale + 2 * left))
    canvas = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING), np.uint8)
    curve = smooth(strokes)
    draw(canvas, curve, widths(curve, pen), scale=scale, origin=(left, baseline))
    return 255 - cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), scale, left


class StrokeSynthesizer:
    """Endless lines drawn from pen strokes; sample i of seed s is `sample(np.random.default_rng([s, i]))`.

    Three kinds of lines: recorded lines as they are; recorded words of one writer put together, which are marked
    as no running text; and new texts of the corpus put together from pieces of one writer's words and lines.

    Args:
        lines, words: Parquet files of strokes (see `StrokeTable`); None for none. split: of both.
        pieces: files as `lines` and `words`, with located characters; None for none.
        corpus: texts for `pieces`; a file, a folder, or None for the text that ships with the project.
        shares: weight of `lines`, `words` and `pieces`; by default equal for those that are given.
        exclude_donors: donors to leave out.
        characters: (lowest, highest) length in characters of lines put together from words.
        height: pixels of the picture.
        change_probability: share of lines whose hand is changed (slant, width, proportions, spacing).
        old_probability: share of lines by writers who join their letters, changed towards the hands and pens of the
            19th century.
        neighbor_probability: chance of ink from the line above, and of ink from the line below.
        framed_probability: share of lines cut as line crops of archives are; the others follow the ink.
        clean_probability: share of lines in black on white.
        degrade: probabilities of the effects of paper, ink and camera.
    Raises:
        ConfigError: neither file is given, or the shares do not suit.
        DataError: a file cannot be read or holds nothing usable.
    """

    def __init__(
        self,
        lines: str | Path | None,
        words: str | Path | None,
        pieces: Sequence[str | Path] | None = None,
        *,
        corpus: str | Path | None = None,
        split: str = "train",
        shares: Mapping[str, float] | None = None,
        exclude_donors: Sequence[str] = (),
        characters: tuple[int, int] = (1, 60),
        height: int = 64,
        change_probability: float = 0.85,
        old_probability: float = 0.35,
        neighbor_probability: float = 0.3,
        framed_probability: float = 0.75,
        clean_probability: float = 0.1,
        degrade: DegradeSettings | None = None,
    ) -> None:
        tables = {"lines": lines, "words": words}
        self.tables = {
            kind: StrokeTable(path, split=split, exclude_donors=exclude_donors)
            for kind, path in tables.items()
            if path is not None
        }
        given = [*self.tables, *(["pieces"] if pieces else [])]
        shares = dict(shares) if shares is not None else dict.fromkeys(given, 1.0)
        if not given or shares.keys() - set(given) or not sum(shares.values()) > 0:
            raise ConfigError(f"shares={shares} of stroke lines do not suit the files given: {given}")
        self.pieces = None
        if pieces:
            self.pieces = PieceLibrary(
                [LocatedStrokes(path, split=split, exclude_donors=exclude_donors) for path in pieces]
            )
            self.corpus = Corpus(corpus or ASSETS / "text", weights={"en": 1.0})
        self.kinds = sorted(shares)
        total = sum(shares.values())
        self.shares = [shares[kind] / total for kind in self.kinds]
        self._rows_of = {kind: table.by_writer() for kind, table in self.tables.items()}
        self._traits: dict[str, Traits] = {}
        for table in [*self.tables.values(), *(self.pieces.tables if self.pieces else [])]:
            self._traits |= traits_of_writers(table)
        self._choices = {(kind, old): self._choice(kind, old) for kind in given for old in (False, True)}
        self._median_tops = self.tables["words"].median_tops() if "words" in self.tables else {}
        self.characters = characters
        self.height = height
        self.change_probability = change_probability
        self.old_probability = old_probability
        self.neighbor_probability = neighbor_probability
        self.framed_probability = framed_probability
        self.clean_probability = clean_probability
        self.degrade = degrade or DegradeSettings()

    def sample(self, rng: np.random.Generator) -> SynthLine:
        """Draw one line; the same generator state gives the same line."""
        kind = self.kinds[int(rng.choice(len(self.kinds), p=self.shares))]
        old = rng.random() < self.old_probability
        written = {"lines": self._lines, "words": self._words, "pieces": self._text}[kind](rng, old)
        change = HandChange()
        if rng.random() < self.change_probability:
            change = sample_change(rng, old=old, slant=self._traits[written.writer].slant)
        pen = sample_pen(rng, old=old)
        line = self._render(rng, written, change, pen, self._neighbors(rng, written.writer, change))
        clean = rng.random() < self.clean_probability
        return SynthLine(
            image=degrade(line, rng, None if clean else self.degrade),
            text=written.text,
            language="en",
            kind="handwritten",
            characters=[],
            words=line.words,
            polygon=line.polygon,
            baseline=line.baseline,
            font="",
            running_text=written.running_text,
        )

    def _choice(self, kind: str, old: bool) -> tuple[list[str], np.ndarray]:
        """Writers to choose from, and the probability of each.

        A writer counts by the square root of what is recorded: many hands, but no line a thousand times.
        """
        rows = self._rows_of.get(kind)
        writers = list(rows) if rows is not None else self.pieces.inventory.writers
        joined = [writer for writer in writers if self._traits[writer].joined]
        writers = joined if old and joined else writers
        if not writers:
            raise DataError(
                f"{self.pieces.tables[0].path}: no writer has enough well located text to be imitated"
            )
        weights = np.sqrt([len(rows[writer]) if rows is not None else 1 for writer in writers])
        return writers, weights / weights.sum()

    def _writer(self, rng: np.random.Generator, kind: str, old: bool) -> str:
        """A random writer."""
        writers, shares = self._choices[kind, old]
        return writers[int(rng.choice(len(writers), p=shares))]

    def _lines(self, rng: np.random.Generator, old: bool) -> Written:
        """A recorded line."""
        table = self.tables["lines"]
        rows = self._rows_of["lines"][self._writer(rng, "lines", old)]
        row = rows[int(rng.integers(len(rows)))]
        strokes = table.strokes(row)
        return Written(table.texts[row], [(table.texts[row], strokes)], table.writers[row], True)

    def _words(self, rng: np.random.Generator, old: bool) -> Written:
        """Words of one writer side by side, up to a random length."""
        writer = self._writer(rng, "words", old)
        rows = self._rows_of["words"][writer]
        low, high = self.characters
        target = int(np.clip(round(rng.triangular(1, 0.6 * high, high)), low, high))
        words: list[tuple[str, Strokes]] = []
        length = 0
        for _ in range(target):
            text, strokes = self._word(rng, rows)
            if words and length + 1 + len(text) > target:
                break
            words.append((text, strokes))
            length += len(text) + 1
        text = " ".join(word for word, _ in words)
        return Written(text, _spaced(rng, words), writer, running_text=len(words) == 1)

    def _text(self, rng: np.random.Generator, old: bool) -> Written:
        """A text of the corpus in the hand of a writer."""
        for _ in range(MAX_ATTEMPTS):
            writer = self._writer(rng, "pieces", old)
            text, _ = self.corpus.sample(rng, characters=self.characters)
            words = self.pieces.spell(rng, writer, text)
            if words is not None:
                return Written(text, _spaced(rng, words), writer, running_text=True)
        raise DataError(
            f"{self.pieces.tables[0].path}: no writer has the letters that texts of the corpus need"
        )

    def _word(self, rng: np.random.Generator, rows: Sequence[int]) -> tuple[str, Strokes]:
        """A random word of a writer, scaled to the writer's usual height of letters."""
        table = self.tables["words"]
        row = rows[int(rng.integers(len(rows)))]
        text = table.texts[row]
        usual = self._median_tops[table.writers[row], is_tall(text)]
        factor = float(np.clip(usual / max(table.tops[row], 0.1), 0.7, 1.4))
        return text, table.strokes(row).scaled(factor)

    def _neighbors(
        self, rng: np.random.Generator, writer: str, change: HandChange
    ) -> list[tuple[int, Strokes]]:
        """Strokes of the same writer for the line above (-1) and below (1), each by chance."""
        found = []
        kinds = [kind for kind in self.tables if writer in self._rows_of[kind]]
        for direction in (-1, 1):
            if not kinds or rng.random() >= self.neighbor_probability:
                continue
            rows = self._rows_of[kinds[0]][writer]
            if kinds[0] == "lines":
                strokes = self.tables["lines"].strokes(rows[int(rng.integers(len(rows)))])
            else:
                strokes = join([part for _, part in _spaced(rng, [self._word(rng, rows) for _ in range(5)])])
            found.append((direction, change_hand(strokes, change, rng)))
        return found

    def _render(
        self,
        rng: np.random.Generator,
        written: Written,
        change: HandChange,
        pen: Pen,
        neighbors: list[tuple[int, Strokes]],
    ) -> RenderedLine:
        """Change the hand, lay the strokes into a frame and draw them."""
        parts = [strokes for _, strokes in written.words]
        changed = change_hand(join(parts), change, rng)
        top, bottom = float(changed.points[:, 1].min()), float(changed.points[:, 1].max())
        scale, baseline = self._frame(rng, top, bottom)
        margins = rng.uniform(0.02, 0.5, 2) * self.height
        width = math.ceil(changed.right * scale + float(margins.sum()))
        squeeze = min(1.0, MAX_WIDTH / width)
        width = max(16, min(width, MAX_WIDTH))
        if squeeze < 1:
            changed.points[:, 0] *= squeeze
        left = float(margins[0])
        canvas = np.zeros((self.height * SUPERSAMPLING, width * SUPERSAMPLING), np.uint8)
        self._draw(canvas, changed, pen, change, scale=scale, origin=(left, baseline))
        for direction, strokes in neighbors:
            distance = direction * rng.uniform(2.1, 3.4) * scale
            start = left + rng.uniform(-1, 1) * self.height
            self._draw(canvas, strokes, pen, change, scale=scale, origin=(start, baseline + distance))
        ink = cv2.resize(canvas, (width, self.height), interpolation=cv2.INTER_AREA)
        boxes = _word_boxes(parts, changed, scale, (left, baseline))
        return RenderedLine(
            ink=flow(ink, pen, rng),
            characters=[],
            words=[(text, box) for (text, _), box in zip(written.words, boxes, strict=True)],
            polygon=_rectangle(
                left, baseline + top * scale, left + changed.right * scale, baseline + bottom * scale
            ),
            baseline=np.array([(left, baseline), (left + changed.right * scale, baseline)], np.float32),
            x_height=scale,
        )

    def _draw(
        self,
        canvas: np.ndarray,
        strokes: Strokes,
        pen: Pen,
        change: HandChange,
        *,
        scale: float,
        origin: tuple[float, float],
    ) -> None:
        curve = smooth(strokes, roundness=change.roundness, corner=change.corner)
        draw(canvas, curve, widths(curve, pen), scale=scale, origin=origin)

    def _frame(self, rng: np.random.Generator, top: float, bottom: float) -> tuple[float, float]:
        """Pixels per x-height, and the y of the baseline in pixels.

        Args:
            top, bottom: of the ink, in x-heights; top is negative.
        """
        height = self.height
        if rng.random() < self.framed_probability:
            baseline = height * float(np.clip(rng.normal(0.69, 0.035), 0.55, 0.8))
            scale = 0.28 * height * math.exp(0.16 * rng.standard_normal())
            # Tall letters make the whole hand smaller; only their tips may be cut off.
            spill = rng.uniform(0.92, 1.15)
            return _fitted(top, bottom, height=height, scale=scale, baseline=baseline, spill=spill)
        above, below = rng.uniform(-0.04, 0.28, 2) * (bottom - top)
        extent = max(bottom - top + above + below, 1.4)
        scale = height / extent
        return scale, (above - top + 0.5 * (extent - (bottom - top + above + below))) * scale


def _fitted(
    top: float, bottom: float, *, height: float, scale: float, baseline: float, spill: float = 0.95
) -> tuple[float, float]:
    """Reduce a scale and move a baseline so that the ink, `top` to `bottom` in x-heights, fits into the height.

    Args:
        scale: wanted pixels per x-height. baseline: wanted y in pixels.
        spill: largest height of the ink as a share of the height; above 1 some of it is cut off.
    """
    scale = min(scale, spill * height / max(bottom - top, 1.0))
    lowest, highest = -top * scale, height - bottom * scale
    baseline = float(np.clip(baseline, *sorted((lowest, highest))))
    return scale, baseline


def _spaced(rng: np.random.Generator, words: list[tuple[str, Strokes]]) -> list[tuple[str, Strokes]]:
    """The words side by side, with gaps of one size, give or take a little."""
    # Wide writing leaves wide gaps: by the mean width of a character.
    pitch = sum(strokes.right for _, strokes in words) / sum(len(word) for word, _ in words)
    gap = (0.6 + 0.75 * min(pitch, 2.5)) * math.exp(0.25 * rng.standard_normal())
    placed, pen = [], 0.0
    for word, strokes in words:
        placed.append((word, strokes.moved(pen)))
        pen += strokes.right + gap * math.exp(0.2 * rng.standard_normal())
    return placed


def _word_boxes(
    parts: Sequence[Strokes], changed: Strokes, scale: float, origin: tuple[float, float]
) -> list[Box]:
    """Boxes of the parts of a line, in pixels, after their strokes have been changed together."""
    boxes, begin = [], 0
    for part in parts:
        points = changed.points[begin : begin + len(part.points)] * scale + np.array(origin, np.float32)
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        boxes.append((x0, y0, x1, y1))
        begin += len(part.points)
    return boxes


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
