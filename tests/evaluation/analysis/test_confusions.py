"""Confusions of characters, counted by hand."""

import json

import numpy as np
import pytest
from PIL import Image

from ocr.commands import evaluate
from ocr.data.lines.manifest import write_manifest
from ocr.evaluation.analysis.confusions import count_confusions, describe
from ocr.types import LineSample


@pytest.mark.parametrize(
    ("label", "reading", "expected", "why"),
    [
        ("modern", "modern", {}, "nothing is wrong"),
        ("modern", "modem", {("rn", "m"): 1}, "two characters read as one"),
        ("nun", "uuu", {("n", "u"): 2}, "counted, wherever they stand"),
        ("a b", "ab", {(" ", ""): 1}, "a missing space"),
        ("ab", "a b", {("", " "): 1}, "an invented one"),
        ("x", "", {("x", ""): 1}, "nothing was read"),
        ("a one b", "a two b", {("o", "t"): 1, ("n", "w"): 1, ("e", "o"): 1}, "a wrong word is single edits"),
        ("“a”", '"a"', {}, "the normal form of both"),
    ],
)
def test_edits_next_to_each_other_are_one_confusion(label, reading, expected, why):
    assert dict(count_confusions([(label, reading)])) == expected, why


def test_texts_can_be_compared_as_they_are():
    assert count_confusions([("“a", '"a')], normalize=False) == {("“", '"'): 1}


def test_spaces_and_empty_sides_are_written_out():
    shown = [describe(*pair) for pair in ((" ", ""), ("rn", "m"), ("", "i"))]
    assert shown == ["␣ missing", "rn > m", "i invented"]


class Lines:
    """Six lines whose label is "ab", of two sources; the tiny recognizer reads "a"."""

    name = "lines"

    def __len__(self):
        return 6

    def __getitem__(self, index):
        image = np.full((16, 40), 255, np.uint8)
        image[4:12, 8:30:4] = 0
        return LineSample(image, "ab", id=str(index), document="d", source="one" if index < 4 else "two")

    def widths(self):
        return np.full(6, 2.5)


def test_evaluation_shows_confusions_and_draws_the_worst_lines(tiny_recognizer, tmp_path, capsys):
    write_manifest(Lines(), tmp_path / "lines.parquet")
    data = [f"bundle={tiny_recognizer}", "data=parquet", f"data.path={tmp_path}/lines.parquet"]
    more = [f"report={tmp_path}/report.json", f"worst={tmp_path}/worst.jpg"]
    assert evaluate.main([*data, *more, "worst_lines=2", "limit=5"]) == 0
    out = capsys.readouterr().out
    assert "most confused: b missing 5" in out and "causes, 5 lines" in out
    assert json.loads((tmp_path / "report.json").read_text())["confusions"] == [
        {"reference": "b", "reading": "", "count": 5}
    ]
    with Image.open(tmp_path / "worst.jpg") as three:
        height = three.height
    assert evaluate.main([*data, more[1], "worst_lines=1", "limit=5", "confusions=0"]) == 0
    assert "most confused" not in capsys.readouterr().out
    with Image.open(tmp_path / "worst.jpg") as two:
        assert 0.5 < two.height / height < 0.8, "of each source"


@pytest.mark.parametrize(
    ("option", "message"),
    [("worst_lines=0", "worst_lines must be at least 1"), ("worst=none/worst.jpg", "none/worst.jpg: cannot")],
)
def test_a_picture_that_cannot_be_drawn_costs_one_line(tiny_recognizer, tmp_path, capsys, option, message):
    write_manifest(Lines(), tmp_path / "lines.parquet")
    data = [f"bundle={tiny_recognizer}", "data=parquet", f"data.path={tmp_path}/lines.parquet"]
    assert evaluate.main([*data, option]) == 2
    assert message in capsys.readouterr().err
