import numpy as np
import pytest

from ocr.types import Page, TextLine, Word


def _box(left, top, right, bottom):
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float32)


@pytest.fixture
def page() -> Page:
    """Two read lines around one in which ink was found but no text."""
    rows = [("Żółw & <b>", 0.95), ("", 0.0), ('"last" line', 0.4)]
    lines = []
    for row, (text, confidence) in enumerate(rows):
        top = 20 + 40 * row
        words = [
            Word(word, _box(30 + 60 * i, top, 80 + 60 * i, top + 25), confidence)
            for i, word in enumerate(text.split())
        ]
        baseline = np.array([(30, top + 18.04), (200, top + 18.04)], dtype=np.float32)
        lines.append(
            TextLine(_box(30, top, 200, top + 25), baseline, text, confidence, words, detection_score=0.9)
        )
    return Page("scan 1.jpg", height=160, width=240, lines=lines, number=3)


@pytest.fixture
def image(page) -> np.ndarray:
    return np.full((page.height, page.width, 3), 255, dtype=np.uint8)
