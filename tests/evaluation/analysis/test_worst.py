"""Causes of bad readings: each rule on a line made for it, and the picture of the worst lines."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ocr.commands.worst import main
from ocr.data.lines.manifest import write_manifest
from ocr.evaluation.analysis.causes import CAUSES, Facts, Measure, causes_of, relate, weigh
from ocr.types import LineSample

PLAIN = "here is a line of plain words"


def line_image(*, ink: int = 0, paper: int = 255, top: int = 24, rows: int = 10, letters: int = len(PLAIN)):
    """Upright strokes, one a letter, 12 pixels apart, in a crop 64 high."""
    image = np.full((64, 12 * letters + 12), paper, np.uint8)
    for letter in range(letters):
        image[top : top + rows, 8 + 12 * letter : 11 + 12 * letter] = ink
    return image


@pytest.fixture(scope="module")
def measure():
    return Measure()


@pytest.mark.parametrize(
    ("picture", "label", "reading", "causes", "why"),
    [
        ({}, PLAIN, PLAIN, ["other"], "nothing is odd about it"),
        ({}, PLAIN.upper(), PLAIN, ["case", "names"], "capitals for small letters"),
        ({"top": 0, "rows": 30}, PLAIN, "x", ["crop"], "strokes begin at the border"),
        ({"ink": 150, "paper": 200}, PLAIN, "x", ["faint"], "grey on grey"),
        ({"top": 2, "rows": 60}, PLAIN, "x", ["heavy"], "much ink"),
        ({"letters": 8}, "12.03.44", "x", ["numbers"], "digits"),
        ({"letters": 12}, "Anna und Bob", "x", ["names"], "two of three words"),
        ({"letters": 10}, "zxqw ktvxq", "x", ["unusual"], "no language"),
        ({"letters": 4}, "this", "x", ["short"], "four characters"),
    ],
)
def test_each_rule_holds_for_a_line_made_for_it(measure, picture, label, reading, causes, why):
    facts = measure(LineSample(line_image(**picture), label, id="", document=""), reading)
    relate([facts])
    assert causes_of(facts) == causes, why


def facts_of(document: str, edits: int, *, pitch: float = 0.5, source: str = "s") -> Facts:
    return Facts(
        source=source,
        document=document,
        characters=20,
        edits=edits,
        caseless=edits,
        contrast=200,
        border=0,
        ink=0.1,
        pitch=pitch,
        digits=0,
        capitals=0,
        usual=-2,
    )


def test_a_hand_is_judged_by_the_other_lines_of_its_document():
    hard, easy = [facts_of("hard", 10) for _ in range(4)], [facts_of("easy", 2) for _ in range(8)]
    lonely = facts_of("lonely", 20)
    relate([*hard, *easy, lonely])
    assert [causes_of(line) for line in (hard[0], easy[0], lonely)] == [["hand"], ["other"], ["other"]]


def test_a_label_that_does_not_fit_its_ink():
    lines = [facts_of("d", 2) for _ in range(6)] + [facts_of("d", 2, pitch=1.0), facts_of("d", 2, pitch=0.2)]
    relate(lines)
    assert [causes_of(line) for line in lines[5:]] == [["other"], ["label"], ["label"]]


def test_rules_are_weighed_against_lines_of_the_same_sources():
    """The faint lines stand in the badly read source; only the rest of it is their measure."""
    good = [facts_of(f"g{i}", 1, source="good") for i in range(4)]
    bad = [facts_of(f"b{i}", 8, source="bad") for i in range(4)]
    faint = [replace(facts_of(f"f{i}", 12, source="bad"), contrast=10) for i in range(2)]
    relate([*good, *bad, *faint])
    rows = {name: values for name, *values in weigh([*good, *bad, *faint])}
    assert rows["faint"] == [2, pytest.approx(60), pytest.approx(40)]
    assert rows["other"][:2] == [8, pytest.approx(22.5)]
    assert set(rows) == {"faint", "other"}


def test_every_rule_is_described():
    assert all(description for description, _ in CAUSES.values())


class Lines:
    """Six lines of two sources."""

    name = "lines"

    def __len__(self):
        return 6

    def __getitem__(self, index):
        source = "one" if index < 4 else "two"
        return LineSample(line_image(), PLAIN, id=str(index), document="d", source=source)

    def widths(self):
        return np.full(6, 5.6)


@pytest.fixture
def files(tmp_path):
    write_manifest(Lines(), tmp_path / "lines.parquet")
    rows = [
        {
            "id": str(i),
            "source": "one" if i < 4 else "two",
            "reference": PLAIN,
            "reading": "là",
            "cer": 90.0,
            "edits": i,
        }
        for i in range(6)
    ]
    (tmp_path / "readings.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return [
        str(tmp_path / "readings.jsonl"),
        str(tmp_path / "lines.parquet"),
        "--output",
        str(tmp_path / "worst.jpg"),
    ]


def test_the_command_draws_the_worst_of_each_source(files, capsys):
    assert main([*files, "--count", "2"]) == 0
    assert "other" in capsys.readouterr().out
    with Image.open(files[-1]) as four:
        assert four.format == "JPEG"
        height = four.height
    assert main([*files, "--count", "1"]) == 0
    with Image.open(files[-1]) as two:
        assert 0.4 < two.height / height < 0.65, "two lines instead of four"


@pytest.mark.parametrize(
    ("change", "message", "why"),
    [
        (lambda f: ["gone.jsonl", *f[1:]], "gone.jsonl", "no predictions"),
        (lambda f: [f[0], "gone.parquet", *f[2:]], "gone.parquet", "no lines"),
        (lambda f: [f[1], f[1], *f[2:]], "not readable as JSON lines", "not JSON"),
        (lambda f: [*f[:3], "/proc/none/worst.jpg"], "/proc/none/worst.jpg", "cannot be written"),
        (lambda f: [*f[:3], "worst.txt"], "worst.txt", "not a picture"),
        (lambda f: [*f, "--count", "0"], "--count", "no lines asked for"),
    ],
)
def test_what_cannot_work_costs_one_line(files, capsys, change, message, why):
    assert main(change(files)) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1 and err.startswith("error: "), why


def test_predictions_of_other_lines_are_noticed(files, capsys, tmp_path):
    (tmp_path / "readings.jsonl").write_text(
        json.dumps({"id": "x", "source": "s", "reference": "a", "reading": "b", "cer": 1, "edits": 1})
    )
    assert main(files) == 2
    assert "none of 6 lines is among the predictions" in capsys.readouterr().err
