"""Which of the lines that were found are writing."""

from dataclasses import replace

import numpy as np
import pytest

from ocr.inference.text_filter import only_text, reading_confidence
from ocr.types import TextLine


def line(text: str, confidence: float, length: float = 100.0) -> TextLine:
    baseline = np.array([(0, 20), (length, 20)], np.float32)
    outline = np.array([(0, 0), (length, 0), (length, 25), (0, 25)], np.float32)
    return TextLine(outline, baseline, text=text, confidence=confidence)


PAGE = [line("Dear Sir", 0.9), line("I have your letter", 0.8, 300)]


@pytest.mark.parametrize(
    ("lines", "kept", "reason"),
    [
        (PAGE, "Dear Sir|I have your letter", "a page that reads well"),
        ([*PAGE, line("", 0.0, 5)], "Dear Sir|I have your letter", "a stain beside it"),
        ([*PAGE, line("en te", 0.35, 30)], "Dear Sir|I have your letter", "a hopeless reading beside it"),
        ([*PAGE, line("3", 0.5, 5)], "Dear Sir|I have your letter|3", "an unsure page number stays"),
        ([line("mo des len", 0.64), line("ke the ron", 0.66)], "mo des len|ke the ron", "a very hard hand"),
        ([line("the", 0.46), line("a", 0.51), line("", 0.0)], "", "a photograph"),
        ([line("en te", 0.5, 900), line("Bakery", 0.93, 60)], "Bakery", "a sign in a photograph"),
        ([line("en te", 0.5, 900), line("I", 0.93, 20)], "", "a mast in a photograph"),
        ([line("tout", 0.5)], "", "all of a page, and unsure"),
        ([line("as", 0.62), line("1", 0.7)], "", "a texture that reads like figures"),
        ([line("7", 0.9)], "7", "a page with nothing but its number"),
        ([line("", 0.0)], "", "ink without text"),
        ([], "", "a blank page"),
    ],
)
def test_only_writing_is_kept(lines, kept, reason):
    assert "|".join(line.text for line in only_text(lines)) == kept, reason


def test_the_least_confidence_can_be_chosen():
    lines = [*PAGE, line("", 0.0, 5), line("en te", 0.35, 30)]
    assert only_text(lines, min_confidence=0) == lines
    assert [found.text for found in only_text(lines, min_confidence=0.3)][-1] == "en te"
    assert [found.text for found in only_text(lines, min_confidence=0.85)] == ["Dear Sir"]


def test_long_lines_say_more_about_a_page():
    assert reading_confidence([line("a", 0.9, 300), line("b", 0.5, 100)]) == pytest.approx(0.8)
    assert reading_confidence([]) == 0.0
    assert reading_confidence([line("a", 0.7, 0.0)]) == pytest.approx(0.7), "a line without extent"


def piece(text: str, confidence: float, top: float, score: float) -> TextLine:
    tail = line(text, confidence, 40)
    return replace(tail, polygon=tail.polygon + np.array((120, top), np.float32), detection_score=score)


@pytest.mark.parametrize(
    ("below", "is_kept", "reason"),
    [
        (piece("J;", 0.49, 22, 0.66), False, "the tail of a large letter, which touches the line"),
        (piece(";", 0.66, 22, 0.66), False, "the tail of a y"),
        (piece("J;", 0.49, 40, 0.66), True, "below the line, not at it"),
        (piece("to", 0.8, 22, 0.66), True, "it reads well"),
        (piece("to", 0.49, 22, 0.85), True, "found as surely as a word"),
        (piece("12", 0.49, 22, 0.66), True, "a figure"),
        (piece("and", 0.49, 22, 0.66), True, "more letters than a tail is read as"),
    ],
)
def test_tails_of_letters_are_dropped(below, is_kept, reason):
    kept = only_text([line("Thursday evening", 0.95, 400), below])
    assert (len(kept) == 2) == is_kept, reason
