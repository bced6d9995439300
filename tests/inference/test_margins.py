"""Notes on their side in the margins of a page."""

import numpy as np
import pytest

from ocr.inference.margins import read_margins
from ocr.types import TextLine

PAGE = np.full((700, 1100, 3), 255, np.uint8)


def line(left, top, right, bottom, text: str, confidence: float = 0.9) -> TextLine:
    outline = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    base = np.array([(left, bottom - 8), (right, bottom - 8)], np.float32)
    return TextLine(outline, base, text=text, confidence=confidence)


BODY = [line(200, 60 + 90 * i, 900, 110 + 90 * i, "a line of the body") for i in range(6)]
LETTERS = [
    line(70, 110, 105, 160, "a", 0.6),
    line(70, 200, 100, 250, "I", 0.7),
    line(70, 320, 105, 380, "I", 0.5),
]
NUMBERS = [line(70, 70 + 90 * i, 90, 100 + 90 * i, str(i + 1), 0.7) for i in range(6)]


class Strip:
    """Finds a note in one of the positions of a strip; counts the looks."""

    def __init__(self, confidence: float, look: int):
        self.confidence, self.look, self.looks = confidence, look, 0

    def __call__(self, image):
        self.looks += 1
        confidence = self.confidence if self.looks == self.look else 0.3
        # On the strip on its side: along all of it, and as high as the pieces are wide.
        height, width = image.shape[:2]
        return [line(width * 0.1, height * 0.3, width * 0.9, height * 0.7, "filed 12 June", confidence)]


@pytest.mark.parametrize(
    ("pieces", "strip", "texts", "looks", "reason"),
    [
        (LETTERS, Strip(0.9, 1), ["filed 12 June"], 2, "a note that runs down"),
        (LETTERS, Strip(0.9, 2), ["filed 12 June"], 2, "a note that runs up"),
        (LETTERS, Strip(0.5, 1), [], 2, "nothing reads well: stray letters are no text"),
        (NUMBERS, Strip(0.9, 1), ["1", "2", "3", "4", "5", "6"], 0, "numbers of lines"),
        (LETTERS[:1], Strip(0.5, 1), ["a"], 0, "a single letter is no cluster"),
        ([], Strip(0.9, 1), [], 0, "an empty margin costs nothing"),
    ],
)
def test_clusters_in_a_margin_are_read_on_their_side(pieces, strip, texts, looks, reason):
    lines = read_margins(PAGE, [*pieces, *BODY], read=strip)
    outside = [found.text for found in lines if found.text != BODY[0].text]
    assert (outside, strip.looks) == (texts, looks), reason
    assert sum(found.text == BODY[0].text for found in lines) == len(BODY), "the body stays"
    for found in lines:
        if found.text.startswith("filed"):
            assert lines[-1] is found, "after the body"
            assert np.ptp(found.polygon[:, 1]) > 3 * np.ptp(found.polygon[:, 0]), "on its side"
            assert found.polygon[:, 0].max() < 200 and found.polygon.min() >= 0, "in the margin"


def test_pages_without_a_body_are_left_alone():
    strip = Strip(0.9, 1)
    assert read_margins(PAGE, LETTERS, read=strip) == LETTERS and strip.looks == 0
