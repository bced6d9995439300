"""Boxes of characters and words against lines whose characters were drawn at known places."""

import cv2
import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from ocr import Reader
from ocr.bundle import Bundle
from ocr.geometry import CoordinateMap
from ocr.image.preprocess import LinePreprocessor
from ocr.inference.recognizer import LineReader
from ocr.synth import ASSETS
from ocr.synth.fonts import FontLibrary
from ocr.synth.render import LineRenderer, Style
from ocr.types import TextLine

TEXTS = ["a letter from home", "the weather is fine today", "we shall come on Monday"]
FONTS = ["IndieFlower.ttf", "Caveat-Regular.ttf"]
PAGE = (900, 1200)


@pytest.fixture(scope="module")
def bundle():
    return Bundle.load("ocr_small_handwritten")


@pytest.fixture(scope="module")
def lines():
    library, renderer = FontLibrary(ASSETS / "fonts"), LineRenderer(height=64)
    return [
        renderer.render(text, library.get(font), Style(), np.random.default_rng(i))
        for i, text in enumerate(TEXTS)
        for font in FONTS
    ]


def same(truth: str, text: str) -> list[tuple[int, int]]:
    """Pairs of indices of equal characters in an alignment of two texts, without spaces."""
    blocks = [block for block in Levenshtein.opcodes(truth, text) if block.tag == "equal"]
    pairs = [(b.src_start + k, b.dest_start + k) for b in blocks for k in range(b.src_end - b.src_start)]
    return [(i, j) for i, j in pairs if truth[i] != " "]


@pytest.mark.parametrize("decode", ["ctc", "ctc_beam", "greedy", "rescore"])
def test_characters_lie_where_they_were_drawn(bundle, lines, decode):
    """In pixels of crops 64 high, whose letters are about 20 wide."""
    crops = [255 - line.ink for line in lines]
    errors = []
    for line, reading in zip(lines, LineReader(bundle, decode=decode).read(crops), strict=True):
        pairs = same("".join(character for character, _ in line.characters), reading.text)
        spans = [reading.characters[j] for _, j in pairs]
        boxes = [line.characters[i][1] for i, _ in pairs]
        errors += [(s.start + s.end) / 2 - (b[0] + b[2]) / 2 for s, b in zip(spans, boxes, strict=True)]
    assert len(errors) > 60, "too little was read to say anything"
    assert np.abs(errors).mean() < 6
    assert abs(np.mean(errors)) < 4, "all on one side"


class Given:
    """A detector that finds one line."""

    def __init__(self, polygon, baseline):
        self.line = TextLine(polygon, baseline)

    def find(self, image, *, zoom=1.0):
        return [self.line]


@pytest.mark.parametrize(
    ("angle", "scale"), [(0, 1.0), (0, 2.0), (7, 1.3), (-30, 1.0), (90, 1.0), (180, 0.7)]
)
def test_words_and_characters_lie_on_a_turned_page(bundle, lines, angle, scale):
    """The centres are those of the drawn ones, along the line, within a fraction of a letter."""
    line = lines[0]
    height, width = line.ink.shape
    turn = np.deg2rad(angle)
    along = np.array([np.cos(turn), np.sin(turn)])
    linear = scale * np.array([along, [-along[1], along[0]]]).T
    shift = np.array(PAGE[::-1]) / 2 - linear @ (width / 2, height / 2)
    to_page = CoordinateMap(np.vstack([np.column_stack([linear, shift]), [0, 0, 1]]))
    page = np.repeat(
        to_page.warp(255 - line.ink, PAGE, border=cv2.BORDER_CONSTANT, fill=255)[..., None], 3, axis=2
    )
    given = Given(to_page.apply(line.polygon), to_page.apply(line.baseline))
    (read,) = Reader(LineReader(bundle), given).read(page).lines
    errors = []
    for i, j in same(" ".join(word for word, _ in line.words), read.text):
        polygon = [c for word in read.words for c in (*word.characters, None)][j].polygon
        x0, y0, x1, y1 = line.characters[i][1]
        truth = to_page.apply(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
        errors.append(float((polygon.mean(0) - truth.mean(0)) @ along) / scale)
    assert len(errors) > 8
    assert np.abs(errors).mean() < 6
    for word in read.words:
        ends = [word.characters[0].polygon[0], word.characters[-1].polygon[1]]
        np.testing.assert_allclose(word.polygon[[0, len(word.polygon) // 2 - 1]], ends, atol=0.1)


def test_a_crop_narrower_than_the_least_width_keeps_its_columns(tiny_recognizer):
    """Paper is added to its right; its own columns are what spans count in."""
    reader = LineReader(Bundle.load(tiny_recognizer))
    reader.preprocess = LinePreprocessor(height=16, min_width=64)
    narrow, wide = reader.read([np.full((16, 20), 255, np.uint8), np.full((16, 64), 255, np.uint8)])
    assert wide.characters[0].end == 64
    assert narrow.characters[0].end == 20
