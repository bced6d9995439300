"""Pieces of a row joined to lines, and columns kept apart."""

import numpy as np
import pytest

from ocr.detection.rows import WORD_GAP, join_rows
from ocr.geometry import bounding_box
from ocr.types import TextLine

PAGE = (1200, 1000)


def piece(left: float, base: float, right: float, *, height: float = 30.0, text: str = "") -> TextLine:
    top, bottom = base - 0.7 * height, base + 0.3 * height
    outline = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    baseline = np.array([(left, base), (right, base)], np.float32)
    return TextLine(outline, baseline, text=text, confidence=0.9 if text else 0.0)


def spans(lines) -> list[tuple[int, int]]:
    return [(round(bounding_box(line.polygon)[0]), round(bounding_box(line.polygon)[2])) for line in lines]


RECEIPT = [piece(*ends) for y in range(100, 500, 60) for ends in ((50, y, 250), (700, y, 790))]


def spaced(rows: int = 7) -> list[TextLine]:
    """Rows of four words of unlike lengths, with gaps of 3 to 4 text heights."""
    rng = np.random.default_rng(0)
    lines = []
    for y in range(100, 100 + 60 * rows, 60):
        x = 50.0
        for length, gap in zip(rng.uniform(60, 180, 4), rng.uniform(90, 120, 4), strict=True):
            lines.append(piece(x, y, x + length))
            x += length + gap
    return lines


SPACED = spaced()
COLUMNS = [piece(x, y, x + 420) for y in range(100, 800, 45) for x in (40, 540)]
LETTER = [piece(50, 100 + 50 * i, 900 - 7 * i) for i in range(12)]


@pytest.mark.parametrize(
    ("lines", "count", "reason"),
    [
        (RECEIPT, 7, "names and prices of a receipt"),
        (SPACED, 7, "a hand with wide spaces"),
        (COLUMNS, len(COLUMNS), "two columns"),
        (LETTER, 12, "a letter of whole lines"),
        ([*LETTER, piece(50, 50, 200), piece(700, 50, 900)], 14, "place and date of a letter, far apart"),
        ([*LETTER, piece(50, 50, 500), piece(550, 50, 900)], 13, "a line broken in one place"),
        ([piece(50, 100, 300), piece(330, 130, 600)], 2, "one line below the other"),
        ([piece(50, 100, 300), piece(330, 100, 600, height=80)], 2, "a heading beside small print"),
        ([piece(50, 100, 300)], 1, "a single line"),
        ([], 0, "an empty page"),
    ],
)
def test_rows_are_joined_and_columns_stay_apart(lines, count, reason):
    joined = join_rows(lines, PAGE)
    assert len(joined) == count, reason
    assert sum(end - start for start, end in spans(joined)) >= sum(e - s for s, e in spans(lines)), reason


def test_a_joined_row_covers_its_pieces_and_keeps_their_words():
    first, second = piece(50, 100, 250, text="Milk"), piece(300, 104, 400, text="0.95")
    (line,) = join_rows([first, second], PAGE)
    assert line.text == "Milk 0.95" and line.confidence == pytest.approx(0.9)
    assert spans([line]) == [(50, 400)]
    assert line.baseline[:, 0].tolist() == [50, 250, 300, 400]


def test_before_recognition_only_gaps_of_words_are_closed():
    """A recognizer reads something into a wide empty space."""
    assert len(join_rows(RECEIPT, PAGE, max_gap=WORD_GAP)) == len(RECEIPT)
