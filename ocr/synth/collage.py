"""New texts in real handwriting: lines put together from pieces of transcribed lines of one writer.

Unit selection, as in concatenative speech synthesis (Hunt & Black 1996): the longest pieces of the text that occur
in the writer's lines are cut out along paths of least ink and set side by side. The lines need located characters
(`ocr align lines`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from ocr.caching import Cache
from ocr.errors import DataError, ImageError
from ocr.image.io import load_image
from ocr.image.preprocess import LinePreprocessor
from ocr.synth import ASSETS
from ocr.synth.corpus import Corpus
from ocr.synth.degrade import DegradeSettings, degrade
from ocr.synth.line import SynthLine
from ocr.synth.render import Box, RenderedLine
from ocr.synth.units import MAX_ATTEMPTS, Inventory, Unit
from ocr.tables import list_lengths, read_columns

HEIGHT = 64
MAX_COORDINATE = 100_000
"""Pixels; the longest lines have a tenth of it."""
BASELINE = 44
CORE = slice(24, 46)
"""Rows in which small letters touch; the cuts of two adjacent pieces meet there on average."""
LAG = 3.0
"""Pixels by which the CTC head locates a character too far to the right: the median over synthetic lines."""
CORE_MIDDLE = 34
"""Row about which lines are sheared, so that small letters keep their places."""
REACH = 24
"""Half of the width, in pixels, of the window in which the cut between two characters is searched."""
SIDESTEP = 0.05
"""Cost of a step aside on a cut, where crossing a pixel of full ink costs 1."""
BOX_ROWS = (12.0, 56.0)
"""Top and bottom of the boxes of characters, in pixels; the cuts give their columns alone."""
_COLUMNS = {
    "image": pa.binary(),
    **dict.fromkeys(("text", "writer"), pa.string()),
    "fit": pa.float64(),
    **dict.fromkeys(("spans", "polygon"), pa.list_(pa.float32())),
}
_SLANTS = np.arange(-0.3, 1.05, 0.1)


@dataclass
class Strip:
    """Upright ink of a real line: `ink` uint8 (64, w), 255 for full; `cuts` (n + 1, 64) columns around characters."""

    ink: np.ndarray
    cuts: np.ndarray
    slant: float


class CollageSynthesizer:
    """Endless lines put together from pieces; sample i of seed s is `sample(np.random.default_rng([s, i]))`.

    Args:
        lines: an aligned manifest, with columns image, text, spans, fit, writer and polygon, 64 pixels high.
        corpus: texts; a file, a folder, or None for the text that ships with the project.
        characters: lowest and highest length of a text.
        min_fit: lines whose label fits the picture worse than this are left out.
        min_text: characters that a writer must have written to be imitated.
        max_piece: longest piece in characters; each line draws its own limit up to it.
        borrowed: largest share of characters that a writer lacks and takes from other writers.
        lean: standard deviation of the change of slant. stretch: that of the logarithm of the width.
        clean_probability: share of lines in black on white.
        degrade: probabilities of the effects of paper, ink and camera.
    Raises:
        DataError: the manifest cannot be read, lacks a column, or no writer has enough text.
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
        self.path = Path(lines)
        self.table = _read(self.path)
        self.corpus = Corpus(corpus or ASSETS / "text")
        self.characters = (int(characters[0]), int(characters[1]))
        self.max_piece, self.clean_probability = max_piece, clean_probability
        self.lean, self.stretch = lean, stretch
        self.degrade = degrade or DegradeSettings()
        texts = _texts_by_writer(self.table, min_fit)
        self.inventory = Inventory(texts, min_text=min_text, max_borrowed=borrowed)
        if not self.inventory.writers:
            raise DataError(f"{lines}: no writer has {min_text} characters of well aligned text")
        self._strip = Cache(self._cut_strip, 8192)

    def sample(self, rng: np.random.Generator) -> SynthLine:
        """Draw one line; the same generator state gives the same line."""
        writers = self.inventory.writers
        for _ in range(MAX_ATTEMPTS):
            writer = writers[int(rng.integers(len(writers)))]
            text, language = self.corpus.sample(rng, characters=self.characters)
            max_piece = int(rng.integers(2, self.max_piece + 1))
            units = self.inventory.select(rng, writer, text, max_piece=max_piece)
            if units is not None:
                break
        else:
            raise DataError(f"{self.path}: no writer has the letters that texts of the corpus need")
        line = self._write(rng, text, units)
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

    def _write(self, rng: np.random.Generator, text: str, units: Sequence[Unit]) -> RenderedLine:
        """Set the units side by side, upright, then lean and stretch the line."""
        strips = [self._strip(unit.key) for unit in units]
        slant = float(np.median([strip.slant for strip in strips])) + self.lean * float(rng.normal())
        # Old handwriting is wide; that on forms is narrow.
        stretch = float(np.clip(math.exp(self.stretch * rng.normal(0.35, 1)), 0.7, 1.8))
        start, margin = (float(value) for value in rng.uniform(2, 0.5 * HEIGHT, 2))
        offsets, edges, end = _arrange(strips, units, start)
        width = int(np.clip(math.ceil(end + max(slant * BASELINE, 0) + margin), 16, 4096))
        ink = np.zeros((HEIGHT, width), np.uint8)
        for strip, unit, offset in zip(strips, units, offsets, strict=True):
            _lay(ink, strip.ink, strip.cuts[unit.first], strip.cuts[unit.first + unit.count], offset)
        width = max(16, round(width * stretch))
        ink = _sheared(ink, -slant, width, stretch=stretch)
        top, bottom = BOX_ROWS
        boxes = [(x0 * stretch, top, x1 * stretch, bottom) for x0, x1 in edges]
        corners = [(0, 0), (width, 0), (width, HEIGHT), (0, HEIGHT)]
        return RenderedLine(
            ink=ink,
            characters=list(zip(text, boxes, strict=True)),
            words=_word_boxes(text, boxes),
            polygon=np.array(corners, np.float32),
            baseline=np.array([(0, BASELINE), (width, BASELINE)], np.float32),
            x_height=17.0,
        )

    def _cut_strip(self, row: int) -> Strip:
        """Make the ink of a line upright and find the cuts between its characters."""
        values = {name: self.table.column(name)[row].as_py() for name in ("image", "spans", "polygon")}
        numbers = np.asarray([*values["spans"], *(values["polygon"] or ())], np.float32)
        if not (np.abs(numbers) < MAX_COORDINATE).all():
            raise DataError(f"{self.path}: row {row}: a coordinate is not a number, or larger than any line")
        try:
            image = load_image(values["image"] or b"")
        except ImageError as error:
            raise DataError(f"{self.path}: row {row}: {error}") from error
        ink = _ink(image, values["polygon"])
        slant = _slant(ink)
        ink = _sheared(ink, slant, ink.shape[1])
        spans = np.asarray(values["spans"], np.float32).reshape(-1, 2)
        return Strip(ink, _cuts(ink, spans.mean(axis=1) - LAG), slant)


def _read(path: Path) -> pa.Table:
    """Read an aligned manifest. Raises DataError where a column is not what `ocr align lines` writes."""
    try:
        table = read_columns(path, _COLUMNS)
    except DataError as error:
        raise DataError(f"{error}; ocr align lines adds spans and fit") from error
    sizes = zip(table.column("text").to_pylist(), list_lengths(table, "spans"), strict=True)
    wrong = next((row for row, (text, size) in enumerate(sizes) if text and size != 2 * len(text)), None)
    if wrong is not None or any(size % 2 for size in list_lengths(table, "polygon")):
        raise DataError(
            f"{path}: spans need a start and an end per character, polygons an x and a y per point"
        )
    return table


def _texts_by_writer(table: pa.Table, min_fit: float) -> dict[str, list[tuple[int, str]]]:
    """Group by writer the rows and texts of the lines whose label fits at least as well as `min_fit`."""
    texts: dict[str, list[tuple[int, str]]] = {}
    columns = [table.column(name).to_pylist() for name in ("text", "fit", "writer")]
    for row, (text, fit, writer) in enumerate(zip(*columns, strict=True)):
        if fit is not None and fit >= min_fit and text and writer:
            texts.setdefault(writer, []).append((row, text))
    return texts


def _arrange(
    strips: Sequence[Strip], units: Sequence[Unit], start: float
) -> tuple[list[int], list[tuple[float, float]], float]:
    """Line up units by their cuts, from column `start` on.

    Returns:
        The offset of each unit's strip, the left and right edge of each character, and the right end of the last.
    """
    offsets, edges, pen = [], [], start
    for strip, unit in zip(strips, units, strict=True):
        middle = strip.cuts[unit.first : unit.first + unit.count + 1, CORE].mean(axis=1)
        offsets.append(round(pen - middle[0]))
        columns = pen + middle - middle[0]
        edges += list(zip(columns[:-1], columns[1:], strict=True))
        pen += float(middle[-1] - middle[0])
    return offsets, edges, pen


def _word_boxes(text: str, boxes: Sequence[Box]) -> list[tuple[str, Box]]:
    """Words of a text, each with the box around those of its characters."""
    words, begin = [], 0
    for word in text.split(" "):
        inside = boxes[begin : begin + len(word)]
        words.append((word, (inside[0][0], inside[0][1], inside[-1][2], inside[-1][3])))
        begin += len(word) + 1
    return words


_PREPROCESS = LinePreprocessor(height=HEIGHT, max_width=8192, flatten=True, detect_inverted=False)


def _ink(image: np.ndarray, polygon: list[float] | None) -> np.ndarray:
    """Extract ink as uint8 (64, w): 255 for ink, 0 for paper and for everything outside the line's outline."""
    gray = _PREPROCESS(image)
    ink = np.clip((215.0 - gray) * (255 / 195), 0, 255).astype(np.uint8)
    if polygon:
        scale = HEIGHT / image.shape[0]
        outline = (np.asarray(polygon, np.float32).reshape(-1, 1, 2) * scale).astype(np.int32)
        inside = cv2.fillPoly(np.zeros_like(ink), [outline], 255)
        ink = np.minimum(ink, cv2.dilate(inside, np.ones((5, 5), np.uint8)))
    return ink


def _sheared(
    ink: np.ndarray, shear: float, width: int, *, stretch: float = 1.0, interpolation: int = cv2.INTER_LINEAR
) -> np.ndarray:
    """Shear ink about the middle of small letters, in pixels sideways per pixel of height, and stretch it."""
    matrix = np.array([[stretch, shear, -shear * CORE_MIDDLE], [0, 1, 0]], np.float32)
    return cv2.warpAffine(ink, matrix, (width, ink.shape[0]), flags=interpolation)


def _slant(ink: np.ndarray) -> float:
    """Estimate the slant: the shear, in pixels sideways per pixel of height, that makes columns most uneven."""
    best, slant = -1.0, 0.0
    for candidate in _SLANTS:
        upright = _sheared(ink, candidate, ink.shape[1], interpolation=cv2.INTER_NEAREST)
        columns = upright.sum(axis=0, dtype=np.float64)
        if (uneven := float((columns**2).sum())) > best:
            best, slant = uneven, float(candidate)
    return slant


def _cuts(ink: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Find (n + 1, h) columns: paths from top to bottom through least ink, around and between n characters."""
    height, width = ink.shape
    inked = np.flatnonzero(ink[CORE].max(axis=0) > 60)
    first, last = (int(inked[0]), int(inked[-1])) if len(inked) else (0, width - 1)
    ends = np.array([[max(0, first - 2)], [min(width, last + 3)]], np.int32).repeat(height, axis=1)
    if len(centers) < 2:
        return ends
    left, right = centers[:-1, None], centers[1:, None]
    columns = np.round((left + right) / 2).astype(int) + np.arange(-REACH, REACH + 1)  # (n - 1, k)
    cost = ink.astype(np.float32).T[np.clip(columns, 0, width - 1)] / 255  # (n - 1, k, h)
    off_middle = np.abs(columns - (left + right) / 2) / np.maximum(right - left, 2)
    cost += (0.1 * off_middle + 4.0 * (off_middle > 0.5))[:, :, None]
    path = _cheapest_paths(cost)  # (n - 1, h)
    cuts = np.take_along_axis(columns, path, axis=1).astype(np.int32)
    return np.concatenate((ends[:1], np.clip(cuts, 0, width), ends[1:]))


def _cheapest_paths(cost: np.ndarray) -> np.ndarray:
    """Find paths of least cost by dynamic programming.

    Args:
        cost: (n, k, h), of each of k columns in each of h rows; a path moves by at most one column per row.
    Returns:
        (n, h) index of the column in each row.
    """
    n, k, height = cost.shape
    rows = np.arange(n)
    # Of each row: the least sum of costs down to each column, between two that no path enters.
    totals = np.full((height, n, k + 2), np.inf, np.float32)
    inner = totals[:, :, 1:-1]
    inner[:] = np.moveaxis(cost, 2, 0)
    for above, here in zip(totals[:-1], inner[1:], strict=True):
        # A step aside costs a little, so that a cut through white is straight.
        aside = np.minimum(above[:, :-2], above[:, 2:]) + SIDESTEP
        here += np.minimum(above[:, 1:-1], aside)
    path = np.empty((n, height), np.int64)
    path[:, -1] = inner[-1].argmin(axis=1)
    for y in range(height - 1, 0, -1):
        column = path[:, y]
        straight, left, right = (totals[y - 1][rows, column + offset] for offset in (1, 0, 2))
        left, right = left + SIDESTEP, right + SIDESTEP
        aside = np.where(left <= right, -1, 1)
        path[:, y - 1] = column + np.where(straight <= np.minimum(left, right), 0, aside)
    return path


def _lay(ink: np.ndarray, strip: np.ndarray, left: np.ndarray, right: np.ndarray, offset: int) -> None:
    """Copy the ink of a strip between two cuts into `ink`, moved sideways by `offset`."""
    start, stop = int(left.min()), int(right.max())
    start, stop = max(start, -offset), min(stop, strip.shape[1], ink.shape[1] - offset)
    if stop <= start:
        return
    columns = np.arange(start, stop)
    inside = (columns >= left[:, None]) & (columns < right[:, None])
    target = ink[:, start + offset : stop + offset]
    np.maximum(target, np.where(inside, strip[:, start:stop], 0), out=target)
