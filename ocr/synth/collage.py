"""New texts in real hands: lines put together from pieces of transcribed lines of one writer.

Unit selection, as in concatenative speech synthesis (Hunt & Black 1996): the longest pieces of the text that the
writer has written somewhere are cut out along paths of least ink and set side by side. Needs lines whose characters
are located (`ocr align`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ocr.errors import DataError, one_line
from ocr.image.io import load_image
from ocr.image.preprocess import LinePreprocessor
from ocr.synth.corpus import Corpus
from ocr.synth.degrade import DegradeSettings, degrade
from ocr.synth.line import ASSETS, SynthLine
from ocr.synth.render import RenderedLine

HEIGHT = 64
BASELINE = 44
CORE = slice(24, 46)
"""Rows in which small letters touch; two pieces are set side by side by their cuts there."""
LAG = 3.0
"""Pixels by which the CTC head names a character too far to the right, the median over synthetic lines."""
REACH = 24
"""Half of the width, in pixels, in which the cut between two characters is sought."""
_SLANTS = np.arange(-0.3, 1.05, 0.1)
_SEPARATOR = "\n"


@dataclass
class Strip:
    """A real line made upright: `ink` uint8 (64, w), 255 for full; `cuts` (n + 1, 64) columns around characters."""

    ink: np.ndarray
    cuts: np.ndarray
    slant: float


@dataclass
class WriterLines:
    """One writer's usable lines: rows of the table, and their texts joined by line breaks."""

    rows: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    text: str = ""

    def add(self, row: int, text: str) -> None:
        """Take in a line."""
        self.rows.append(row)
        self.starts.append(len(self.text) + 1)
        self.text += _SEPARATOR + text

    def locate(self, position: int) -> tuple[int, int]:
        """Table row and character index of a position in `text`."""
        line = int(np.searchsorted(self.starts, position, side="right")) - 1
        return self.rows[line], position - self.starts[line]


class CollageSynthesizer:
    """Draws endless lines; sample i of seed s is `sample(np.random.default_rng([s, i]))`.

    Args:
        lines: an aligned manifest, with columns image, text, spans, fit and writer, 64 pixels high.
        corpus: texts; a file, a folder, or None for the text that ships with the project.
        characters: bounds of the text's length.
        min_fit: lines whose label fits the picture worse than this are left out.
        min_text: characters a hand must have to be written in.
        max_piece: of a piece, in characters; a random length up to it is allowed to each line.
        borrowed: largest share of characters that a hand lacks and takes from others.
        lean: standard deviation of what is added to the hand's own slant. stretch: of the logarithm of the width.
    Raises:
        DataError: the manifest cannot be read, lacks a column, or no hand has enough text.
    """

    def __init__(
        self,
        lines: str | Path,
        *,
        corpus: str | Path | None = None,
        characters: tuple[int, int] = (1, 80),
        min_fit: float = -0.9,
        min_text: int = 300,
        max_piece: int = 7,
        borrowed: float = 0.12,
        lean: float = 0.12,
        stretch: float = 0.22,
        clean_probability: float = 0.15,
        degrade: DegradeSettings | None = None,
    ) -> None:
        self.table = _read(Path(lines))
        self.corpus = Corpus(corpus or ASSETS / "text")
        self.characters = (int(characters[0]), int(characters[1]))
        self.max_piece, self.borrowed, self.clean_probability = max_piece, borrowed, clean_probability
        self.lean, self.stretch = lean, stretch
        self.degrade = degrade or DegradeSettings()
        self.hands = self._hands(min_fit, min_text)
        if not self.hands:
            raise DataError(f"{lines}: no writer has {min_text} characters of well aligned text")
        self._strip = lru_cache(maxsize=8192)(self._cut_strip)

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key != "_strip"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._strip = lru_cache(maxsize=8192)(self._cut_strip)

    def _hands(self, min_fit: float, min_text: int) -> list[WriterLines]:
        hands: dict[str, WriterLines] = {}
        columns = [self.table.column(name).to_pylist() for name in ("text", "fit", "writer")]
        for row, (text, fit, writer) in enumerate(zip(*columns, strict=True)):
            if fit >= min_fit and text and writer:
                hands.setdefault(writer, WriterLines()).add(row, text)
        return [hand for hand in hands.values() if len(hand.text) >= min_text]

    def sample(self, rng: np.random.Generator) -> SynthLine:
        """One line; the same generator state gives the same line."""
        while True:
            hand = self.hands[int(rng.integers(len(self.hands)))]
            text, language = self.corpus.sample(rng, characters=self.characters)
            pieces = self._select(rng, hand, text)
            if pieces is not None:
                line = self._write(rng, text, pieces)
                break
        clean = rng.random() < self.clean_probability
        return SynthLine(
            image=degrade(line, rng, None if clean else self.degrade),
            text=text,
            language=language,
            kind="handwritten",
            characters=line.characters,
            words=line.words,
            polygon=line.polygon,
            baseline=line.baseline,
            font="",
        )

    def _select(
        self, rng: np.random.Generator, hand: WriterLines, text: str
    ) -> list[tuple[int, int, int]] | None:
        """Pieces (row, first character, count) that spell `text`, or None if the hand lacks too much of it."""
        pieces: list[tuple[int, int, int]] = []
        max_piece, at, foreign = int(rng.integers(2, self.max_piece + 1)), 0, 0
        padded = f" {text} "
        while at < len(text):
            for count in range(min(max_piece, len(text) - at), 0, -1):
                found = _occurrences(hand.text, text[at : at + count])
                if found:
                    break
            else:
                other = self._foreign(rng, text[at])
                foreign += 1
                if other is None or foreign > max(1, self.borrowed * len(text)):
                    return None
                pieces.append((*other, 1))
                at += 1
                continue
            before, after = padded[at], padded[at + count + 1]
            scores = [_context(hand.text, spot, count, before, after) for spot in found]
            best = max(scores)
            spots = [spot for spot, score in zip(found, scores, strict=True) if score == best]
            pieces.append((*hand.locate(spots[int(rng.integers(len(spots)))]), count))
            at += count
        return pieces

    def _foreign(self, rng: np.random.Generator, character: str) -> tuple[int, int] | None:
        """The character in one of twenty random hands."""
        for _ in range(20):
            hand = self.hands[int(rng.integers(len(self.hands)))]
            found = _occurrences(hand.text, character)
            if found:
                return hand.locate(found[int(rng.integers(len(found)))])
        return None

    def _write(self, rng: np.random.Generator, text: str, pieces: list[tuple[int, int, int]]) -> RenderedLine:
        """Set the pieces side by side, upright, and lean the line as its hand does."""
        strips = [self._strip(row) for row, _, _ in pieces]
        slant = float(np.median([strip.slant for strip in strips])) + self.lean * float(rng.normal())
        # Old hands are wide; those who fill a form are narrow.
        stretch = float(np.clip(math.exp(self.stretch * rng.normal(0.35, 1)), 0.7, 1.8))
        placed, pen, edges = [], float(rng.uniform(2, 0.5 * HEIGHT)), []
        for strip, (_, first, count) in zip(strips, pieces, strict=True):
            cuts = strip.cuts[first : first + count + 1]
            middle = cuts[:, CORE].mean(axis=1)
            placed.append((strip, cuts[0], cuts[-1], round(pen - middle[0])))
            edges += [
                (pen + a - middle[0], pen + b - middle[0]) for a, b in zip(middle, middle[1:], strict=False)
            ]
            pen += float(middle[-1] - middle[0])
        lean = slant * BASELINE
        width = int(np.clip(math.ceil(pen + max(lean, 0) + rng.uniform(2, 0.5 * HEIGHT)), 16, 4096))
        ink = np.zeros((HEIGHT, width), np.uint8)
        for strip, left, right, offset in placed:
            _lay(ink, strip.ink, left, right, offset)
        matrix = np.array([[stretch, -slant, slant * 34], [0, 1, 0]], np.float32)
        width = max(16, round(width * stretch))
        ink = cv2.warpAffine(ink, matrix, (width, HEIGHT), flags=cv2.INTER_LINEAR)
        boxes = [(x0 * stretch, 12.0, x1 * stretch, 56.0) for x0, x1 in edges]
        words, at = [], 0
        for word in text.split(" "):
            inside = boxes[at : at + len(word)]
            words.append((word, (inside[0][0], 12.0, inside[-1][2], 56.0)))
            at += len(word) + 1
        corners = [(0, 0), (width, 0), (width, HEIGHT), (0, HEIGHT)]
        return RenderedLine(
            ink=ink,
            characters=list(zip(text, boxes, strict=True)),
            words=words,
            polygon=np.array(corners, np.float32),
            baseline=np.array([(0, BASELINE), (width, BASELINE)], np.float32),
            x_height=17.0,
        )

    def _cut_strip(self, row: int) -> Strip:
        """The ink of a line, made upright, and the cuts between its characters."""
        values = {name: self.table.column(name)[row].as_py() for name in ("image", "spans", "polygon")}
        ink = _ink(load_image(values["image"]), values["polygon"])
        slant = _slant(ink)
        matrix = np.array([[1, slant, -slant * 34], [0, 1, 0]], np.float32)
        ink = cv2.warpAffine(ink, matrix, ink.shape[::-1], flags=cv2.INTER_LINEAR)
        spans = np.asarray(values["spans"], np.float32).reshape(-1, 2)
        return Strip(ink, _cuts(ink, spans.mean(axis=1) - LAG), slant)


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: not a readable Parquet file ({one_line(error)})") from error
    if missing := {"image", "text", "spans", "fit", "writer", "polygon"} - set(table.column_names):
        raise DataError(f"{path}: no column {', '.join(sorted(missing))}; ocr align adds spans and fit")
    return table


def _occurrences(text: str, piece: str) -> list[int]:
    found, at = [], text.find(piece)
    while at >= 0:
        found.append(at)
        at = text.find(piece, at + 1)
    return found


def _context(text: str, spot: int, count: int, before: str, after: str) -> int:
    """How well the neighbours of a piece where it was written suit its new neighbours."""
    old_before = text[spot - 1] if text[spot - 1] != _SEPARATOR else " "
    old_after = text[spot + count] if spot + count < len(text) and text[spot + count] != _SEPARATOR else " "
    score = 2 * ((old_before == " ") == (before == " ")) + 2 * ((old_after == " ") == (after == " "))
    return score + (old_before == before) + (old_after == after)


_PREPROCESS = LinePreprocessor(height=HEIGHT, max_width=8192, flatten=True, detect_inverted=False)


def _ink(image: np.ndarray, polygon: list[float] | None) -> np.ndarray:
    """uint8 (64, w): 255 for ink, 0 for paper and for what lies outside the line's own outline."""
    grey = _PREPROCESS(image)
    ink = np.clip((215.0 - grey) * (255 / 195), 0, 255).astype(np.uint8)
    if polygon:
        scale = HEIGHT / image.shape[0]
        outline = (np.asarray(polygon, np.float32).reshape(-1, 1, 2) * scale).astype(np.int32)
        own = cv2.fillPoly(np.zeros_like(ink), [outline], 255)
        ink = np.minimum(ink, cv2.dilate(own, np.ones((5, 5), np.uint8)))
    return ink


def _slant(ink: np.ndarray) -> float:
    """Shear, pixels sideways a pixel of height, that makes the line's columns most uneven when undone."""
    best, slant = -1.0, 0.0
    for candidate in _SLANTS:
        matrix = np.array([[1, candidate, -candidate * 34], [0, 1, 0]], np.float32)
        columns = cv2.warpAffine(ink, matrix, ink.shape[::-1], flags=cv2.INTER_NEAREST).sum(
            axis=0, dtype=np.float64
        )
        if (uneven := float((columns**2).sum())) > best:
            best, slant = uneven, float(candidate)
    return slant


def _cuts(ink: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n + 1, h) columns: paths from top to bottom through least ink, one between each pair of characters."""
    height, width = ink.shape
    inked = np.flatnonzero(ink[CORE].max(axis=0) > 60)
    first, last = (int(inked[0]), int(inked[-1])) if len(inked) else (0, width - 1)
    ends = np.array([[max(0, first - 2)], [min(width, last + 3)]], np.int32).repeat(height, axis=1)
    if len(centres) < 2:
        return ends
    left, right = centres[:-1, None], centres[1:, None]
    columns = np.round((left + right) / 2).astype(int) + np.arange(-REACH, REACH + 1)  # (n - 1, k)
    cost = ink.astype(np.float32).T[np.clip(columns, 0, width - 1)] / 255  # (n - 1, k, h)
    off_middle = np.abs(columns - (left + right) / 2) / np.maximum(right - left, 2)
    cost += (0.1 * off_middle + 4.0 * (off_middle > 0.5))[:, :, None]
    total, steps = cost[:, :, 0], []
    index = np.arange(columns.shape[1])
    for y in range(1, height):
        padded = np.pad(total, ((0, 0), (1, 1)), constant_values=np.inf)
        # A step aside costs a little, so that a cut through white is straight.
        options = np.stack((padded[:, 1:-1], padded[:, :-2] + 0.05, padded[:, 2:] + 0.05))
        steps.append(options.argmin(axis=0))
        total = options.min(axis=0) + cost[:, :, y]
    cuts = np.empty((len(columns), height), np.int32)
    at = total.argmin(axis=1)
    rows = np.arange(len(columns))
    for y in range(height - 1, -1, -1):
        cuts[:, y] = columns[rows, at]
        if y:
            at = np.clip(at + np.array([0, -1, 1])[steps[y - 1][rows, at]], 0, index[-1])
    return np.concatenate((ends[:1], np.clip(cuts, 0, width), ends[1:]))


def _lay(ink: np.ndarray, strip: np.ndarray, left: np.ndarray, right: np.ndarray, offset: int) -> None:
    """Copy the strip's ink between two cuts, moved sideways by `offset`."""
    start, stop = int(left.min()), int(right.max())
    start, stop = max(start, -offset), min(stop, strip.shape[1], ink.shape[1] - offset)
    if stop <= start:
        return
    columns = np.arange(start, stop)
    inside = (columns >= left[:, None]) & (columns < right[:, None])
    target = ink[:, start + offset : stop + offset]
    np.maximum(target, np.where(inside, strip[:, start:stop], 0), out=target)
