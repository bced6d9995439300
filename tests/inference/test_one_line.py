"""Crops of a single line, told from pages."""

import numpy as np
import pytest

from ocr import Reader
from ocr.decoding import CharacterSpan, Hypothesis
from ocr.inference.one_line import crop_row
from ocr.types import TextLine


def line(left, top, right, bottom) -> TextLine:
    outline = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    return TextLine(outline, np.array([(left, bottom - 5), (right, bottom - 5)], np.float32))


MAIN = line(10, 14, 880, 50)


@pytest.mark.parametrize(
    ("lines", "size", "expected", "reason"),
    [
        ([MAIN], (64, 900), [0], "a line"),
        (
            [line(400, 20, 880, 50), line(10, 20, 390, 52)],
            (64, 900),
            [1, 0],
            "two pieces of it, from the left",
        ),
        ([MAIN, line(100, 0, 300, 12), line(500, 54, 600, 64)], (64, 900), [0], "pieces of its neighbors"),
        ([], (64, 900), [], "nothing was found"),
        ([], (900, 600), None, "a page on which nothing was found"),
        ([MAIN], (600, 900), None, "a line at the top of a page"),
        ([line(9, 6, 800, 28), line(9, 36, 800, 60)], (64, 900), None, "two lines"),
        ([line(9, 5, 800, 30), MAIN, line(9, 34, 800, 58)], (64, 900), None, "lines close together"),
    ],
)
def test_the_row_of_a_crop_is_found(lines, size, expected, reason):
    row = crop_row(lines, size)
    numbers = {id(one): number for number, one in enumerate(lines)}
    assert (None if row is None else [numbers[id(one)] for one in row]) == expected, reason


class Found:
    """A detector that cuts off the end of a line, and finds a piece of the line above."""

    def find(self, image, *, zoom=1.0):
        return [line(10, 14, 500, 50), line(100, 0, 200, 12)]


class WidthReader:
    """Reads the width of a crop in hundreds, with the given confidence for the whole picture and for pieces."""

    script = None

    def __init__(self, whole: float, piece: float):
        self.whole, self.piece = whole, piece

    def read(self, images):
        return [self._read(image.shape[1]) for image in images]

    def _read(self, width: int) -> Hypothesis:
        text, confidence = ("whole line", self.whole) if width == 900 else ("piece", self.piece)
        step = width / len(text)
        spans = [CharacterSpan(c, i * step, (i + 1) * step, confidence) for i, c in enumerate(text)]
        return Hypothesis(text, confidence, spans)


@pytest.mark.parametrize(
    ("whole", "piece", "text", "reason"),
    [
        (0.9, 0.85, "whole line", "the crop as a whole is surer"),
        (0.8, 0.95, "piece", "what was found is surer, without the neighbor"),
    ],
)
def test_a_crop_is_read_in_the_surer_way(whole, piece, text, reason):
    image = np.full((64, 900, 3), 255, np.uint8)
    image[20:50:4, 20:880] = 0
    assert Reader(WidthReader(whole, piece), Found()).read(image).text == text, reason
