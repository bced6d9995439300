"""Lines too long for a recognizer: cut where there is least ink, read in pieces, and joined again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ocr.decoding import CharacterSpan, Hypothesis
from ocr.decoding.hypothesis import mean_confidence
from ocr.errors import ImageError

OVERLAP_HEIGHTS = 1.0
"""A piece is read this many line heights beyond its cuts: what ink is there tells what the ink at the cut is."""

PIECE_SHARE = 0.8
"""Length of a piece as a share of the longest; the rest is room to look for a gap to cut in."""

GAP_HEIGHTS = 0.2
"""Scale of a gap between words in line heights: ink is averaged over about so much."""


@dataclass(frozen=True)
class Piece:
    """A part of a line image: columns [start, end) are read, and what is found in [first, last) of them counts."""

    start: int
    end: int
    first: float
    last: float


def cut_line(image: np.ndarray, max_width: int) -> list[Piece]:
    """Pieces of a line image, uint8 (h, w) or (h, w, 3), of at most `max_width` columns each; one if it fits.

    Raises ImageError for an array without rows and columns.
    """
    if image.ndim < 2:
        raise ImageError(f"a line image must be uint8 (h, w) or (h, w, 3), got {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    if width <= max_width:
        return [Piece(0, width, -np.inf, np.inf)]
    overlap = min(round(OVERLAP_HEIGHTS * height), max_width // 4)
    room = max(max_width - 2 * overlap, 2)
    count = int(np.ceil(width / (PIECE_SHARE * room)))
    length = width / count
    # Both cuts of a piece may move outwards, and it still fits.
    reach = int((room - length) / 2)
    ink = _ink(image)
    cuts = []
    for number in range(1, count):
        begin = max(round(number * length) - reach, 0)
        cuts.append(begin + int(ink[begin : begin + 2 * reach + 1].argmin()))
    edges = [-np.inf, *cuts, np.inf]
    starts, ends = [0, *(cut - overlap for cut in cuts)], [*(cut + overlap for cut in cuts), width]
    return [
        Piece(max(start, 0), min(end, width), first, last)
        for start, end, first, last in zip(starts, ends, edges, edges[1:], strict=False)
    ]


def join_readings(readings: Sequence[Hypothesis], pieces: Sequence[Piece]) -> Hypothesis:
    """The reading of a line from those of its pieces, whose characters are placed in the columns of the line.

    A character counts in the piece that its middle lies in. Where either piece finds a space at the cut, there is
    one. The confidence is that of all characters together.
    """
    characters: list[CharacterSpan] = []
    for number, (reading, piece) in enumerate(zip(readings, pieces, strict=True)):
        inside = [span for span in reading.characters if piece.first <= _middle(span) < piece.last]
        if number:
            spaces = _spaces_at(piece.first, readings[number - 1]) + _spaces_at(piece.first, reading)
            characters, inside = _stripped(characters), _stripped(inside[::-1])[::-1]
            if characters and inside and spaces:
                surest = max(spaces, key=lambda span: span.confidence)
                characters.append(replace(surest, start=characters[-1].end, end=inside[0].start))
        characters += inside
    text = "".join(span.character for span in characters)
    fell_back = any(reading.fell_back for reading in readings)
    lengths = [max(len(reading.text), 1) for reading in readings]
    script_score = float(np.average([reading.script_score for reading in readings], weights=lengths))
    return Hypothesis(
        text, mean_confidence(characters), characters, fell_back=fell_back, script_score=script_score
    )


def _ink(image: np.ndarray) -> np.ndarray:
    """(w,) how much of each column is strokes, light or dark, around it; rules along the line add the same to all."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height = gray.shape[0]
    # Where the neighbors of the line do not reach.
    middle = gray[height // 5 : max(height - height // 5, height // 5 + 2)].astype(np.float32)
    return gaussian_filter1d(
        np.abs(np.diff(middle, axis=0)).mean(axis=0), GAP_HEIGHTS * height, mode="nearest"
    )


def _middle(span: CharacterSpan) -> float:
    return (span.start + span.end) / 2


def _spaces_at(cut: float, reading: Hypothesis) -> list[CharacterSpan]:
    """Of the last character before a cut and the first after it, those that are spaces."""
    before = sum(_middle(span) < cut for span in reading.characters)
    return [span for span in reading.characters[max(before - 1, 0) : before + 1] if span.character == " "]


def _stripped(characters: list[CharacterSpan]) -> list[CharacterSpan]:
    """Remove spaces at the end."""
    count = len(characters)
    while count and characters[count - 1].character == " ":
        count -= 1
    return characters[:count]
