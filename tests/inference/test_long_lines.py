"""Lines longer than the recogniser takes: where they are cut, and how their pieces become one reading."""

import numpy as np
import pytest

from ocr.bundle import Bundle
from ocr.decoding import CharacterSpan, Hypothesis
from ocr.errors import ImageError
from ocr.inference.long_lines import Piece, cut_line, join_readings
from ocr.inference.recognizer import LineReader
from ocr.metrics.text import count_errors
from ocr.synth import ASSETS
from ocr.synth.fonts import FontLibrary
from ocr.synth.render import LineRenderer, Style

TEXT = (
    "we shall come on Monday if the weather is fine and stay until the end of the week with your aunt and "
    "the children who have not seen the sea since last summer and talk of nothing else all day long or so I "
    "hear from your brother"
)


def striped_words(width: int, *, height: int = 40, word: int = 150, gap: int = 24) -> np.ndarray:
    """A line of blobs of `word` columns and gaps: light paper, level strokes as of letters."""
    image = np.full((height, width), 230, np.uint8)
    image[8:32:6] = image[9:32:6] = 30
    image[:, np.arange(width) % (word + gap) >= word] = 230
    return image


def ruled(image: np.ndarray) -> np.ndarray:
    image = image.copy()
    image[30:32] = 120
    return image


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (striped_words(1100), "a little too long"),
        (striped_words(5000), "many times too long"),
        (255 - striped_words(5000), "chalk on a blackboard"),
        (ruled(striped_words(5000)), "a rule runs through the gaps"),
        (np.repeat(striped_words(3000)[..., None], 3, axis=2), "in color"),
    ],
)
def test_long_lines_are_cut_between_words(image, reason):
    pieces = cut_line(image, 1000)
    assert len(pieces) > 1, reason
    assert pieces[0].start == 0 and pieces[-1].end == image.shape[1], "all of it is read"
    assert all(piece.end - piece.start <= 1000 for piece in pieces), reason
    for left, right in zip(pieces, pieces[1:], strict=False):
        assert left.last == right.first, "each column counts once"
        assert left.last % 174 > 150 + 4, f"{reason}: cut through a word"
        assert right.start < left.last - 20 < left.last + 20 < left.end, "read beyond the cut, for context"


@pytest.mark.parametrize(
    ("width", "max_width", "reason"),
    [(1000, 1000, "just fits"), (3, 1000, "short"), (1000, 10**9, "no limit")],
)
def test_lines_that_fit_stay_whole(width, max_width, reason):
    assert cut_line(striped_words(width), max_width) == [Piece(0, width, -np.inf, np.inf)], reason


def reading(text: str, start: float = 0.0, step: float = 10.0, confidence: float = 0.9) -> Hypothesis:
    """Characters `step` columns apart from `start` on."""
    spans = [
        CharacterSpan(character, start + step * i, start + step * (i + 1), confidence)
        for i, character in enumerate(text)
    ]
    return Hypothesis(text, confidence, spans)


@pytest.mark.parametrize(
    ("left", "right", "text", "reason"),
    [
        (
            reading("one two"),
            reading("two six", 40),
            "one two six",
            "the overlap is read twice, and counts once",
        ),
        (reading("one two"), reading("six", 80), "one twosix", "no piece saw a space at the cut"),
        (reading("one two "), reading("six", 80), "one two six", "the left one saw it"),
        (reading("one two"), reading(" six", 70), "one two six", "the right one saw it"),
        (reading("one two "), reading(" six", 70), "one two six", "both did: still one"),
        (reading("one twosix"), reading("twosix", 40), "one twosix", "the cut goes through a word"),
        (reading(""), reading("six", 80), "six", "nothing read on the left"),
        (reading("one two"), reading(""), "one two", "nothing read on the right"),
        (reading(""), reading(""), "", "nothing at all"),
        (reading("one two"), reading(" ", 70), "one two", "no space at the end"),
    ],
)
def test_readings_are_joined_at_the_cut(left, right, text, reason):
    cut = 75.0 if text.startswith("one two ") else 70.0
    joined = join_readings([left, right], [Piece(0, 95, -np.inf, cut), Piece(35, 200, cut, np.inf)])
    assert joined.text == text, reason
    assert "".join(span.character for span in joined.characters) == text
    assert [word.text for word in joined.words] == text.split()
    starts = [span.start for span in joined.characters]
    assert starts == sorted(starts), "in order"
    assert joined.confidence == pytest.approx(0.9 if text else 0.0)


def test_a_line_is_as_sure_as_its_characters_together():
    pieces = [Piece(0, 95, -np.inf, 70.0), Piece(35, 200, 70.0, np.inf)]
    joined = join_readings([reading("sure", 0, confidence=0.9), reading("not", 80, confidence=0.4)], pieces)
    assert joined.confidence == pytest.approx((0.9**4 * 0.4**3) ** (1 / 7))
    assert not joined.fell_back
    left, right = reading("a"), reading("b", 80)
    right.fell_back = True
    assert join_readings([left, right], pieces).fell_back, "one piece was read by the guard"


@pytest.fixture(scope="module")
def long_line():
    renderer, library = LineRenderer(height=64, max_width=8192), FontLibrary(ASSETS / "fonts")
    return renderer.render(TEXT, library.get("IndieFlower.ttf"), Style(), np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("decode", ["ctc", "ctc_beam", "rescore"])
def test_a_long_line_is_read_as_well_as_a_short_one(long_line, decode):
    """Squeezed to what the model takes, hardly a word of it would be right."""
    reader = LineReader(Bundle.load("ocr_small_handwritten"), decode=decode)
    image = 255 - long_line.ink
    assert image.shape[1] > 1.7 * reader.preprocess.max_crop_width(image.shape[0])
    (found,) = reader.read([image])
    assert count_errors(TEXT, found.text).cer < 10
    assert abs(len(found.words) - len(TEXT.split())) <= 2
    # The last word lies where it was drawn: the pieces are set one behind the other.
    assert found.words[-1].end == pytest.approx(long_line.characters[-1][1][2], abs=25)
    assert found.words[-1].start == pytest.approx(long_line.characters[-7][1][0], abs=25)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.full((1, 900), 255, np.uint8), None),
        (np.full((7, 9000, 3), 255, np.uint8), None),
        (np.zeros((0, 10), np.uint8), ImageError),
        (np.zeros((10, 0, 3), np.uint8), ImageError),
        (np.zeros(5, np.uint8), ImageError),
    ],
    ids=["a sliver", "a low strip", "no rows", "no columns", "not a picture"],
)
def test_shapes_that_are_not_lines(tiny_recognizer, image, error):
    reader = LineReader(Bundle.load(tiny_recognizer))
    if error is None:
        assert len(reader.read([image])) == 1
    else:
        with pytest.raises(error):
            reader.read([image])
