"""Pages on their side and upside down: found by how they read, and read as they should lie."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr import Reader
from ocr.decoding import CharacterSpan, Hypothesis
from ocr.geometry import CoordinateMap, polygon_iou
from ocr.image.io import load_image
from ocr.inference import device
from ocr.inference.backends import torch_networks
from ocr.inference.orientation import reads_well
from ocr.types import TextLine

LETTER = Path(__file__).resolve().parents[2] / "examples" / "letter.jpg"
LINE = LETTER.with_name("line.png")


def written(rows: int = 4) -> np.ndarray:
    """A page of lines that begin with a block and end in a thin stroke on the baseline."""
    image = np.full((400, 300, 3), 255, np.uint8)
    for row in range(rows):
        y = 60 + 60 * row
        image[y - 20 : y, 40:80] = 0
        image[y - 4 : y, 80:240] = 0
    return image


class InkFinder:
    """Finds each piece of ink, as a line from left to right."""

    def find(self, image, *, zoom=1.0):
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] < 128).astype(np.uint8))
        lines = []
        for left, top, width, height, _ in stats[1:].astype(float).tolist():
            x, y = np.array([left, left + width]), np.array([top, top + height])
            outline = np.array([(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])], np.float32)
            lines.append(TextLine(outline, np.array([(x[0], y[1]), (x[1], y[1])], np.float32)))
        return sorted(lines, key=lambda line: line.polygon[0, 1])


class BlockReader:
    """Reads a line that begins with its block as "upright", surely, and anything else as "xxxxxxx"."""

    script = None

    def __init__(self, sure: float = 0.9, unsure: float = 0.5, text: str = "upright"):
        self.sure, self.unsure, self.text = sure, unsure, text
        self.crops = 0

    def read(self, images):
        self.crops += len(images)
        return [self._read(image) for image in images]

    def _read(self, image) -> Hypothesis:
        height, width = image.shape[:2]
        ink = image[..., 0] < 128
        upper = ink[: height // 2].any(axis=0)
        upright = width > 2 * height and upper[: width // 3].any() and not upper[width // 2 :].any()
        text, confidence = (self.text, self.sure) if upright else ("x" * len(self.text), self.unsure)
        step = width / len(text)
        spans = [CharacterSpan(c, i * step, (i + 1) * step, confidence) for i, c in enumerate(text)]
        return Hypothesis(text, confidence, spans)


@pytest.mark.parametrize("turns", range(4))
def test_a_turned_page_is_read_upright(turns):
    """Everything on it lies where it lies on the page as given, in the order in which it should be read."""
    page = written()
    upright = Reader(BlockReader(), InkFinder()).read(page)
    turned = Reader(BlockReader(), InkFinder()).read(np.ascontiguousarray(np.rot90(page, -turns)))
    assert turned.rotation == 90 * turns
    assert (turned.height, turned.width) == ((400, 300), (300, 400))[turns % 2]
    assert turned.text == "\n".join(["upright"] * 4)
    to = CoordinateMap.rotate90(page.shape[:2], -turns)
    for found, true in zip(turned.lines, upright.lines, strict=True):
        np.testing.assert_allclose(found.polygon, to.apply(true.polygon), atol=0.1)
        np.testing.assert_allclose(found.baseline, to.apply(true.baseline), atol=0.1)
        (word,), (true_word,) = found.words, true.words
        np.testing.assert_allclose(word.polygon, to.apply(true_word.polygon), atol=0.1)
        for character, true_character in zip(word.characters, true_word.characters, strict=True):
            np.testing.assert_allclose(character.polygon, to.apply(true_character.polygon), atol=0.1)


@pytest.mark.parametrize(
    ("page", "reader", "options", "rotation", "reason"),
    [
        (np.rot90(written(1), 2), BlockReader(), {}, 180, "a single line"),
        (np.rot90(written(1), 2), BlockReader(text="no"), {}, 0, "two letters, which may read as others do"),
        (np.rot90(written(4), 2), BlockReader(text="no"), {}, 180, "short lines, but four of them"),
        (np.rot90(written()), BlockReader(), {"orientation": "keep"}, 0, "asked to keep it"),
        (np.rot90(written()), BlockReader(0.60, 0.58), {}, 0, "hardly better"),
        (np.rot90(written()), BlockReader(0.50, 0.30), {}, 0, "better, but hopeless either way"),
        (np.rot90(written()), BlockReader(0.99, 0.80), {}, 0, "read well enough not to ask"),
        (np.full((60, 90, 3), 255, np.uint8), BlockReader(), {}, 0, "a blank page"),
    ],
)
def test_in_doubt_pages_are_kept_as_they_lie(page, reader, options, rotation, reason):
    page = np.ascontiguousarray(page)
    assert Reader(reader, InkFinder(), **options).read(page).rotation == rotation, reason


def test_a_page_that_reads_well_costs_nothing_more():
    reader = BlockReader()
    page = Reader(reader, InkFinder()).read(written())
    assert reads_well(page.lines)
    assert reader.crops == 4


@pytest.mark.parametrize(
    ("confidence", "score", "well", "reason"),
    [
        (0.9, -8.0, True, "sure, and a language"),
        (0.84, 0.5, False, "sure, but no language: upside down, or another script"),
        (0.6, -8.0, False, "unsure"),
        (0.9, 0.0, True, "sure, by a recognizer without a test of scripts"),
    ],
)
def test_surely_read_letters_must_make_a_language(confidence, score, well, reason):
    outline = np.array([(0, 0), (100, 0), (100, 25), (0, 25)], np.float32)
    line = TextLine(outline, outline[2:], "uaras tsed", confidence, script_score=score)
    assert reads_well([line]) == well, reason


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_example_letter_is_put_upright(turns):
    """The networks themselves, on a part of the page."""
    image = load_image(LETTER)
    part = np.ascontiguousarray(image[: image.shape[0] // 2])
    reader = Reader.from_pretrained(device="cpu", decode="ctc")
    upright = reader.read(part)
    assert upright.rotation == 0 and len(upright.lines) >= 4
    turned = reader.read(np.ascontiguousarray(np.rot90(part, -turns)))
    assert turned.rotation == 90 * turns
    assert turned.text == upright.text
    to = CoordinateMap.rotate90(part.shape[:2], -turns)
    for found, true in zip(turned.lines, upright.lines, strict=True):
        assert polygon_iou(found.polygon, to.apply(true.polygon)) > 0.95


@pytest.mark.slow
@pytest.mark.weights
def test_pages_in_all_positions_read_together_are_read_as_one_by_one(monkeypatch):
    """The networks themselves, in float32: upright, on either side, upside down and empty pages in one call."""
    for module in (device, torch_networks):
        monkeypatch.setattr(module, "has_bfloat16", lambda device: False)
    image = load_image(LETTER)
    part = np.ascontiguousarray(image[: image.shape[0] // 3])
    pages = [np.ascontiguousarray(np.rot90(part, -turns)) for turns in range(4)]
    pages.insert(2, np.full((200, 300, 3), 235, np.uint8))
    reader = Reader.from_pretrained(device="cpu", decode="ctc")
    together = reader.read_arrays([*pages, load_image(LINE)])
    alone = [reader.read_array(page) for page in (*pages, load_image(LINE))]
    assert [page.rotation for page in together] == [0, 90, 0, 180, 270, 0]
    assert together[2].lines == [] and len({page.text for page in together}) == 3
    for page, other in zip(together, alone, strict=True):
        assert (page.text, page.rotation) == (other.text, other.rotation)
        for line, same in zip(page.lines, other.lines, strict=True):
            assert abs(line.confidence - same.confidence) < 1e-4
            np.testing.assert_array_equal(line.polygon, same.polygon)
