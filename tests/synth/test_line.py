import pickle
from dataclasses import fields, replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from ocr.commands.synth import main
from ocr.errors import ConfigError, FontError
from ocr.synth import ASSETS
from ocr.synth.degrade import DegradeSettings, degrade
from ocr.synth.fonts import FontLibrary
from ocr.synth.line import LineSynthesizer
from ocr.synth.render import LineRenderer, Style

NOTHING = DegradeSettings(**{field.name: 0.0 for field in fields(DegradeSettings)})


@pytest.fixture(scope="module")
def synthesizer():
    return LineSynthesizer(strike_probability=0.3)


def test_labels_match_images(synthesizer):
    for index in range(60):
        line = synthesizer.sample(np.random.default_rng([7, index]))
        height, width = line.image.shape
        assert line.image.dtype == np.uint8 and height == 64 and width >= 8
        assert "".join(character for character, _ in line.characters) == line.text
        assert " ".join(word for word, _ in line.words) == line.text
        assert line.polygon.shape[1] == 2 and (np.diff(line.baseline[:, 0]) > 0).all()
        centres = [(x0 + x1) / 2 for _, (x0, _, x1, _) in line.characters]
        assert min(centres) >= -1 and max(centres) <= width + 1


def test_a_seed_gives_one_line_on_every_worker(synthesizer):
    copy = pickle.loads(pickle.dumps(synthesizer))
    for index in range(8):
        here, there = (each.sample(np.random.default_rng([9, index])) for each in (synthesizer, copy))
        assert here.text == there.text and here.font == there.font
        assert np.array_equal(here.image, there.image)


def test_a_struck_word_leaves_the_label(monkeypatch):
    always = LineSynthesizer(strike_probability=1.0)
    monkeypatch.setattr(always.corpus, "sample", lambda rng, **_: ("alpha beta gamma delta", "en"))
    assert always.sample(np.random.default_rng(0)).text == "alpha beta gamma delta"


@pytest.mark.parametrize("name", [field.name for field in fields(DegradeSettings)])
def test_each_degradation_changes_the_picture_and_keeps_its_size(name):
    font = FontLibrary(ASSETS / "fonts").get("IndieFlower.ttf")
    line = LineRenderer().render("a line of text", font, Style(), np.random.default_rng(0))
    # white_paper is the absence of the paper effects, so compare it with paper that has one.
    base = replace(NOTHING, linen=1.0) if name == "white_paper" else NOTHING
    plain = degrade(line, np.random.default_rng(5), base)
    changed = degrade(line, np.random.default_rng(5), replace(base, **{name: 1.0}))
    assert changed.shape == plain.shape == line.ink.shape and changed.dtype == np.uint8
    assert not np.array_equal(plain, changed)


def test_clean_lines_are_the_ink_alone():
    font = FontLibrary(ASSETS / "fonts").get("IndieFlower.ttf")
    line = LineRenderer().render("clean", font, Style(), np.random.default_rng(0))
    assert np.array_equal(degrade(line, np.random.default_rng(0), None), 255 - line.ink)


def test_a_height_too_small_to_draw_is_refused():
    with pytest.raises(ConfigError, match="height=4"):
        LineSynthesizer(height=4)


def test_a_missing_font_file_stops_at_once_and_is_named(tmp_path):
    (tmp_path / "fonts.csv").write_text("file,grade\ngone.ttf,A\n")
    with pytest.raises(FontError, match="gone.ttf"):
        LineSynthesizer(fonts=str(tmp_path)).sample(np.random.default_rng(0))


def test_command_line_writes_sheet_folder_and_parquet(tmp_path):
    main(["sheet", "--output", str(tmp_path / "sheet.png"), "--count", "3", "--boxes"])
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    main(["folder", "--output", str(tmp_path / "lines"), "--count", "3", "--seed", "4"])
    rows = [line.split("\t") for line in (tmp_path / "lines" / "labels.tsv").read_text("utf-8").splitlines()]
    assert len(rows) == 3 and all((tmp_path / "lines" / name).exists() and text for name, text in rows)
    main(["parquet", "--output", str(tmp_path / "lines.parquet"), "--count", "3", "--seed", "4"])
    table = pq.read_table(tmp_path / "lines.parquet").to_pylist()
    assert [row["text"] for row in table] == [text for _, text in rows]
    assert all(row["image"].startswith(b"\x89PNG") and len(row["polygon"]) >= 8 for row in table)


@pytest.mark.parametrize("option", ["--fonts", "--corpus"])
def test_command_line_errors_are_one_line(tmp_path, capsys, option):
    assert main(["sheet", "--output", str(tmp_path / "x.png"), option, str(tmp_path / "nowhere")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "nowhere" in error and error.count("\n") == 1
