import cv2
import numpy as np
import pytest

from ocr.errors import FontError
from ocr.synth import ASSETS
from ocr.synth.fonts import FontLibrary
from ocr.synth.render import LineRenderer, Mixture, Style, _Warp

FONTS = FontLibrary(ASSETS / "fonts")
WILD = Style(
    slant=0.6,
    stretch=1.5,
    tracking=0.1,
    space_jitter=0.3,
    glyph_jitter=1.5,
    word_jitter=1.5,
    rise=0.01,
    bend=0.2,
    warp=0.1,
    sway=0.3,
    flatten=0.7,
    stroke=0.15,
    nib=2,
    pressure=0.4,
)
ROOMY = LineRenderer(framed_probability=0.0, padding=(0.3, 0.3), margin=(0.3, 0.3))


def draw(name="IndieFlower.ttf", text="Quick brown fox, 17 jumps", style=WILD, seed=0, **options):
    return ROOMY.render(text, FONTS.get(name), style, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("name", ["IndieFlower.ttf", "AlexBrush-Regular.ttf", "Unna-Regular.ttf"])
@pytest.mark.parametrize("style", [Style(), WILD], ids=["plain", "wild"])
def test_boxes_hold_the_ink_they_name(name, style):
    line = draw(name, style=style)
    assert "".join(character for character, _ in line.characters) == "Quick brown fox, 17 jumps"
    assert [word for word, _ in line.words] == ["Quick", "brown", "fox,", "17", "jumps"]
    inside = np.zeros(line.ink.shape, bool)
    for character, (x0, y0, x1, y1) in line.characters:
        window = (slice(max(0, round(y0) - 2), round(y1) + 3), slice(max(0, round(x0) - 2), round(x1) + 3))
        if character != " ":
            inside[window] = True
            assert line.ink[window].max() > 60, character
    assert line.ink[~inside].sum() < 0.01 * line.ink.sum()


def test_plain_boxes_are_tight():
    for character, (x0, y0, x1, y1) in draw("Unna-Regular.ttf", text="l o n g", style=Style()).characters:
        line = draw("Unna-Regular.ttf", text="l o n g", style=Style())
        if character != " ":
            rows, columns = np.nonzero(
                line.ink[:, max(0, int(x0) - 2) : int(x1) + 3] > 100
            )  # letters stand apart: all ink here is theirs
            assert abs(rows.min() - y0) < 1.5 and abs(rows.max() + 1 - y1) < 1.5
            assert abs(columns.min() + max(0, int(x0) - 2) - x0) < 1.5


def test_the_warp_moves_points_as_it_moves_pixels():
    style = Style(warp=0.12, bend=0.3, rise=0.02, sway=0.3, flatten=0.7)
    warp = _Warp.sample(64, 400, style, np.random.default_rng(3), x_height=18, axis=42)
    for x, y in [(60, 20), (200, 40), (333, 30)]:
        dot = np.zeros((64, 400), np.uint8)
        cv2.circle(dot, (x, y), 2, 255, -1)
        rows, columns = np.nonzero(warp.image(dot) > 60)
        moved = warp.points(np.array([[x + 0.5, y + 0.5]]))[0]
        assert np.abs(moved - [columns.mean() + 0.5, rows.mean() + 0.5]).max() < 0.7
        assert np.abs(moved - [x + 0.5, y + 0.5]).max() > 0.1  # the warp did something


def test_a_struck_word_is_inked_but_not_labelled():
    line = draw(text="one two three", struck=frozenset({1}))
    assert "".join(character for character, _ in line.characters) == "one three"
    assert [word for word, _ in line.words] == ["one", "three"]
    (x0, y0, x1, y1) = line.struck[0]
    assert line.ink[int(y0) : int(y1), int(x0) : int(x1)].max() > 100


def test_a_second_font_changes_its_characters_only():
    first, second = FONTS.get("IndieFlower.ttf"), FONTS.get("ReenieBeanie.ttf")
    plain = draw(text="baba", style=Style())
    mixed = draw(text="baba", style=Style(), mixture=Mixture(second, frozenset("b")))
    assert [c for c, _ in mixed.characters] == list("baba")
    assert not np.array_equal(plain.ink[:, :20], mixed.ink[:, :20])
    same = draw(text="baba", style=Style(), mixture=Mixture(first, frozenset("b")))
    assert abs(same.ink.shape[1] - plain.ink.shape[1]) < 12  # only kerning between runs is lost


def test_ligatures_and_marks_keep_every_character():
    for name in ("PlaywriteDELA-ExtraLight.ttf", "AlexBrush-Regular.ttf", "Caveat-Regular.ttf"):
        line = draw(name, text="office fjord éàü")
        assert "".join(character for character, _ in line.characters) == "office fjord éàü", name


def test_neighbours_add_ink_but_no_label():
    tight = LineRenderer(framed_probability=0.0, padding=(0.4, 0.5))
    font = FONTS.get("IndieFlower.ttf")
    plain = tight.render("ace", font, Style(), np.random.default_rng(0))
    crowded = tight.render("ace", font, Style(), np.random.default_rng(0), above="gypsy", below="hdltk")
    assert crowded.ink.sum() > plain.ink.sum()
    assert crowded.characters == plain.characters


@pytest.mark.parametrize("height", [32, 64, 128])
def test_every_height_is_met(height):
    line = LineRenderer(height=height).render(
        "Hello", FONTS.get("Zeyada.ttf"), WILD, np.random.default_rng(1)
    )
    assert line.ink.shape[0] == height and line.ink.max() > 100


def test_no_ink_is_an_error():
    with pytest.raises(FontError, match="no ink"):
        draw(text=" ")
