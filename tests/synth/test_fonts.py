import shutil
from collections import Counter

import numpy as np
import pytest

from ocr.errors import FontError
from ocr.synth import ASSETS
from ocr.synth.fonts import FontLibrary, group_shares

HEADER = "file,grade,fr,de,es,allcaps,missing_ascii,missing_typographic,stroke_px_at_64\n"


def library(folder, rows, copy=("IndieFlower.ttf",)):
    (folder / "fonts").mkdir()
    for name in copy:
        shutil.copy(ASSETS / "fonts" / "fonts" / name, folder / "fonts" / name)
    (folder / "fonts.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return FontLibrary(folder)


def test_every_shipped_font_is_listed_licensed_and_draws_its_languages():
    shipped = FontLibrary(ASSETS / "fonts")
    files = {path.name for path in (ASSETS / "fonts" / "fonts").iterdir()}
    assert {font.name for font in shipped.fonts} == files
    assert {font.info.grade for font in shipped.fonts} >= {"A", "B", "P"}
    accents = {"en": "Aq7,.?", "fr": "éèêàùçœîôû", "de": "äöüßÄÖÜ", "es": "ñáíóú¿¡"}
    for font in shipped.fonts:
        for language in font.info.languages:
            assert font.covers(accents[language]), (font.name, language)
    assert sum(path.stat().st_size for path in (ASSETS / "fonts").rglob("*") if path.is_file()) < 2_000_000


@pytest.mark.parametrize(
    ("rows", "text", "expected"),
    [
        (["IndieFlower.ttf,A,1,1,1,0,,,4"], "a\u0416b", "ab"),  # no Cyrillic in the font: dropped, not boxed
        (["IndieFlower.ttf,A,1,1,1,0,q,,4"], "aqb", "ab"),  # the table knows of a glyph that is no good
        (["IndieFlower.ttf,A,1,1,1,1,,,4"], "Café", "CAFÉ"),  # capitals only: the label says so
        (["IndieFlower.ttf,A,1,1,1,0,,,4"], "a \u0416 b", "a b"),  # no double space where a word went
    ],
)
def test_only_what_the_font_can_draw_is_left(tmp_path, rows, text, expected):
    font, drawn = library(tmp_path, rows).choose(np.random.default_rng(0), text)
    assert (font.name, drawn) == ("IndieFlower.ttf", expected)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("gone.ttf", None, "not found"), ("text.ttf", b"not a font", "not a readable font")],
)
def test_a_bad_font_file_is_named(tmp_path, name, content, reason):
    fonts = library(tmp_path, [f"{name},A,1,1,1,0,,,4"], copy=())
    if content:
        (tmp_path / "fonts" / name).write_bytes(content)
    with pytest.raises(FontError, match=f"{name}.*{reason}"):
        fonts.choose(np.random.default_rng(0), "abc")


def test_a_folder_without_a_table_is_named(tmp_path):
    with pytest.raises(FontError, match="fonts.csv"):
        FontLibrary(tmp_path)


def test_an_unknown_grade_is_named():
    with pytest.raises(FontError, match="'Z'"):
        FontLibrary(ASSETS / "fonts", weights={"Z": 1.0})


SCHOOL = [f"Playwrite {country}" for country in ("AR", "AT", "BE", "BR", "CA", "CL", "CO", "CU", "CZ")]


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        # Nine related families count as three; the two weights of each share one sixth of a ninth each.
        ([*SCHOOL, *SCHOOL, "Zeyada"], [3 / 4 / 18] * 18 + [1 / 4]),
        # Fewer than SHARED_WORD families with a common first word are unrelated.
        (["Just Another Hand", "Just Me Again", "Zeyada"], [1 / 3] * 3),
        # Files of one family count once together.
        (["Caveat", "Caveat", "Zeyada"], [1 / 4, 1 / 4, 1 / 2]),
    ],
)
def test_related_families_share_their_draws(families, expected):
    np.testing.assert_allclose(group_shares(families), expected)


def test_fonts_are_drawn_by_grade_then_group_then_file(tmp_path):
    rows = ["file,family,grade,fr"]
    rows += [f"p{i}.ttf,{family},A,1" for i, family in enumerate(SCHOOL)]
    rows += ["z.ttf,Zeyada,A,1", "alex.ttf,Alex Brush,B,1"]
    (tmp_path / "fonts.csv").write_text("\n".join(rows), encoding="utf-8")
    fonts, rng = FontLibrary(tmp_path, weights={"A": 0.8, "B": 0.2}), np.random.default_rng(3)
    drawn = Counter(fonts.choose(rng, "")[0].name for _ in range(4000))
    expected = {f"p{i}.ttf": 0.8 * 3 / 4 / 9 for i in range(9)} | {"z.ttf": 0.2, "alex.ttf": 0.2}
    assert drawn.keys() == expected.keys()
    for name, share in expected.items():
        assert drawn[name] / 4000 == pytest.approx(share, abs=0.02), name
    again = np.random.default_rng(3)
    assert drawn == Counter(fonts.choose(again, "")[0].name for _ in range(4000))


def test_a_table_without_families_counts_every_file_once(tmp_path):
    rows = [f"f{i}.ttf,A,1,1,1,0,,,4" for i in range(4)]
    fonts, rng = library(tmp_path, rows, copy=()), np.random.default_rng(0)
    drawn = Counter(fonts.choose(rng, "")[0].name for _ in range(2000))
    assert all(drawn[f"f{i}.ttf"] / 2000 == pytest.approx(0.25, abs=0.04) for i in range(4))


def test_shaping_refuses_the_missing_glyph():
    font = FontLibrary(ASSETS / "fonts").get("IndieFlower.ttf")
    with pytest.raises(FontError, match="IndieFlower"):
        font.shape("a\u0416")


@pytest.mark.parametrize(
    ("name", "connected"),
    [
        ("AlexBrush-Regular.ttf", True),  # script whose exit strokes meet the next letter
        ("PlaywriteDELA-ExtraLight.ttf", True),  # school cursive joined by shaping
        ("IndieFlower.ttf", False),  # print hand
        ("ABeeZee-Regular.ttf", False),  # type
    ],
)
def test_joined_fonts_are_known(name, connected):
    assert FontLibrary(ASSETS / "fonts").get(name).connected is connected


def test_slant_is_measured():
    fonts = FontLibrary(ASSETS / "fonts")
    assert fonts.get("HerrVonMuellerhoff-Regular.ttf").slant > 0.5
    assert abs(fonts.get("ABeeZee-Regular.ttf").slant) < 0.1
