"""The shipped models read a real page, and a bundle reads the same before and after the disk."""

from pathlib import Path

import numpy as np
import pytest

from ocr import Reader
from ocr.bundle import Bundle
from ocr.image.io import load_image
from ocr.inference.recognizer import LineReader
from ocr.metrics.text import count_errors

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.from_pretrained()


def test_the_example_letter_is_read(reader):
    """Half of the characters wrong would mean a broken path, not a hard page."""
    page = reader.read(str(EXAMPLES / "letter.jpg"))
    truth = (EXAMPLES / "letter.txt").read_text(encoding="utf-8")
    assert count_errors(truth.replace("\n", " "), page.text.replace("\n", " ")).cer < 50
    tops = [line.polygon[:, 1].mean() for line in page.lines if len(line.text) > 8]
    assert tops == sorted(tops), "lines of a letter come from top to bottom"


def test_words_lie_inside_their_page_in_reading_direction(reader):
    page = reader.read(str(EXAMPLES / "letter.jpg"))
    for line in page.lines:
        assert " ".join(word.text for word in line.words) == line.text
        centres = [word.polygon[:, 0].mean() for word in line.words]
        assert centres == sorted(centres)
        assert 0 <= line.confidence <= 1


def test_blank_paper_has_no_text(reader):
    assert reader.read(np.full((900, 700, 3), 235, np.uint8)).text == ""


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((1, 1, 3), np.uint8), "the smallest picture"),
        (np.zeros((1, 5000, 3), np.uint8), "a row"),
        (np.zeros((5000, 1, 3), np.uint8), "a column"),
        (np.random.default_rng(0).integers(0, 255, (1, 5000, 3), np.uint8), "a row of noise"),
        (np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8), "a speck of noise"),
        (np.zeros((900, 700, 3), np.uint8), "a lens cap"),
        (np.full((64, 40000, 3), 255, np.uint8), "wider than OpenCV takes"),
    ],
)
def test_pictures_without_text_are_read_as_nothing(reader, pixels, reason):
    assert reader.read(pixels).text == "", reason


def test_a_bundle_reads_the_same_after_the_disk(tmp_path):
    image = load_image(EXAMPLES / "line.png")
    first = Bundle.load("ocr_small_handwritten")
    again = Bundle.load(first.save(tmp_path / "copy"))
    a, b = (LineReader(bundle).read([image])[0] for bundle in (first, again))
    assert (a.text, a.confidence) == (b.text, b.confidence)


def test_a_line_reads_the_same_alone_and_in_a_batch():
    image = load_image(EXAMPLES / "line.png")
    reader = LineReader(Bundle.load("ocr_small_handwritten"), decode="ctc")
    wide = np.concatenate([image] * 3, axis=1)
    assert reader.read([wide, image])[1].text == reader.read([image])[0].text
