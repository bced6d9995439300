"""A small UNIPEN collection drawn by hand: known strokes, labels, units and baseline."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from ocr.commands.convert import main
from ocr.convert.stroke_geometry import find_rows, find_ruling, simplify
from ocr.convert.unipen import SCHEMA, writer_and_split
from ocr.convert.unipen_format import Segment
from ocr.errors import DataError
from tests.helpers.strokes import component, wave

DOC = """.VERSION 1.0
.DATA_SOURCE somewhere
.COMMENT pads and
         .indented words that are no keywords
.ALPHABET "a" "b" "\\\\" "\\""
.COORD X Y T P
.HIERARCHY TEXT WORD
.X_DIM 5000
.Y_DIM 5000
"""


@pytest.fixture
def collection(tmp_path):
    """Two rows of two words: components 0, 2, 4 and 5 are strokes, 1 and 3 the way of the pen above the paper."""
    source = tmp_path / "collection"
    ink = ".writer_id Jo\n.STYLE MIXED\n"
    ink += component(wave(1000, 3, 4000)) + component([(1300, 4100), (1500, 4000)], "PEN_UP")
    ink += component(wave(1500, 4, 4000)) + component([(1900, 4000), (1000, 3000)], "PEN_UP")
    ink += component(wave(1000, 3, 3000)) + ".PEN_UP\n.DT 20\n" + component(wave(1500, 5, 3000)) + ".PEN_UP\n"
    files = {
        "include/abc/abc.doc": DOC,
        "include/abc/Jo.dat": ink,
        "data/8/abc/jo.dat": '.SEGMENT TEXT 0-5 OK "nnn nnnn nnn nnnnn"\n',
        "data/7/abc/jo.dat": '.SEGMENT WORD 0 OK "nnn"\n.SEGMENT WORD 2 ? "nnnn"\n'
        '.SEGMENT WORD 4 OK "nnn"\n.SEGMENT WORD 5 OK "nnnnn"\n',
    }
    # A category repeats words of another, and letters are neither lines nor words.
    files["data/6/abc/jo.dat"] = '.SEGMENT WORD 2 OK "nnnn"\n.SEGMENT CHARACTER 0:0-0:2 OK "n"\n'
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("data"):
            text = ".VERSION 1.0\n.INCLUDE abc/abc.doc\n.INCLUDE abc/jo.dat\n" + text
        path.write_text(text, encoding="latin-1")
    return source


def convert(source, capsys):
    destination = source.parent / "out"
    status = main(["unipen", str(source), "--output", str(destination)])
    rows = [
        pq.read_table(path).to_pylist() if (path := destination / f"unipen-{kind}.parquet").is_file() else []
        for kind in ("lines", "words")
    ]
    return status, *rows, capsys.readouterr().err


def strokes_of(row):
    points = np.stack([np.cumsum(row["dx"]), np.cumsum(row["dy"])], 1)
    return np.split(points, np.cumsum(row["points"])[:-1])


def test_rows_of_a_text_become_lines_and_each_word_comes_once(collection, capsys):
    status, lines, words, errors = convert(collection, capsys)
    assert (status, errors) == (0, "")
    assert [row["text"] for row in lines] == ["nnn nnnn", "nnn nnnnn"]
    assert sorted(row["text"] for row in words) == ["nnn", "nnn", "nnnn", "nnnnn"]
    assert {(row["donor"], row["style"]) for row in lines + words} == {("abc", "MIXED")}
    assert pq.read_schema(collection.parent / "out" / "unipen-words.parquet").equals(SCHEMA)


def test_strokes_stand_on_the_baseline_in_64ths_of_the_x_height(collection, capsys):
    _, lines, _, _ = convert(collection, capsys)
    first, second = strokes_of(lines[0])
    assert lines[0]["points"] == [7, 9]
    # 50 units of the tablet are half an x-height; y points down.
    np.testing.assert_allclose(first, [[32 * i, -64 * (i % 2)] for i in range(7)], atol=1)
    np.testing.assert_allclose(second, [[320 + 32 * i, -64 * (i % 2)] for i in range(9)], atol=1)
    assert lines[0]["slope"] == pytest.approx(0, abs=1e-6)


def test_writer_and_split_are_the_same_in_every_run(collection, capsys):
    _, lines, words, _ = convert(collection, capsys)
    assert {(row["writer"], row["split"]) for row in lines + words} == {writer_and_split("abc", "Jo")}
    assert "Jo" not in lines[0]["writer"]
    # Recorded once, so that a change that moves writers between splits is seen.
    assert writer_and_split("abc", "Jo") == ("abc-92296f76", "train")
    shares = [writer_and_split("abc", str(number))[1] for number in range(4000)]
    assert [shares.count(split) / 4000 for split in ("val", "test")] == pytest.approx([0.05, 0.05], abs=0.01)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.dat", ".INCLUDE abc/none.dat\n", "includes abc/none.dat, which does not exist"),
        ("round.dat", ".INCLUDE round.dat\n", "round.dat includes itself"),
        ("out.dat", ".INCLUDE ../../../../secret.dat\n", "does not exist"),
        ("picture.dat", "\0\1\2", "picture.dat is no UNIPEN file"),
        ("columns.dat", ".COORD X T\n.PEN_DOWN\n1 2\n", "without X and Y"),
    ],
)
def test_a_bad_file_costs_a_line_and_not_the_rest(collection, capsys, name, content, reason):
    (collection.parent / "secret.dat").write_text(".PEN_DOWN\n1 2\n")
    (collection / "data" / "8" / "abc" / name).write_bytes(content.encode())
    status, lines, words, errors = convert(collection, capsys)
    assert (status, len(lines), len(words)) == (1, 2, 4)
    told, total = errors.splitlines()
    assert name in told and reason in told
    assert total == "left out: 1 files, 0 segments"


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        ('0-99 OK "nnn"', "component 6 of 6 is not there"),
        ('0:50-1 OK "nnn"', "has 7 points only"),
        ('3-1 OK "nnn"', "runs backwards"),
        ('x OK "nnn"', "is not understood"),
        ('0 BAD "nnn"', "marked as bad"),
        ('0 OK "n\u00e4n"', "not ASCII"),
        ("0 OK", "empty"),
        ('1 OK "nnn"', "no strokes"),
    ],
)
def test_a_bad_segment_costs_a_line_and_not_the_rest(collection, capsys, segment, reason):
    with (collection / "data" / "7" / "abc" / "jo.dat").open("a", encoding="latin-1") as file:
        file.write(f".SEGMENT WORD {segment}\n")
    status, lines, words, errors = convert(collection, capsys)
    assert (status, len(lines), len(words)) == (1, 2, 4)
    assert "jo.dat" in errors and reason in errors.splitlines()[0]
    assert errors.endswith("left out: 0 files, 1 segments\n")


def test_a_point_out_of_reach_costs_its_word_alone(collection, capsys):
    ink = collection / "include" / "abc" / "Jo.dat"
    ink.write_text(ink.read_text().replace("1050 4100 ", "1e300 4100 ", 1))
    status, _, words, errors = convert(collection, capsys)
    assert (status, len(words)) == (1, 3)
    assert "WORD 0 'nnn': strokes too far apart" in errors


def test_rows_that_no_word_tells_apart_are_left_out(collection, capsys):
    for category in ("6", "7"):
        (collection / "data" / category / "abc" / "jo.dat").unlink()
    extra = '.SEGMENT TEXT 0-2 OK "nnn nnnn"\n.SEGMENT TEXT 0-5 OK "nnn nnnn\\nnnn nnnnn"\n'
    with (collection / "data" / "8" / "abc" / "jo.dat").open("a") as file:
        file.write(extra)
    status, lines, words, errors = convert(collection, capsys)
    assert (status, words) == (1, [])
    assert "2 rows of writing" in errors
    assert [row["text"] for row in lines] == ["nnn nnnn", "nnn nnnn", "nnn nnnnn"]


@pytest.mark.parametrize(
    "files", [{}, {"letters.dat": component(wave(0, 3, 0)) + '.SEGMENT CHARACTER 0 OK "n"\n'}]
)
def test_a_folder_without_lines_and_words_is_an_error(tmp_path, capsys, files):
    source = tmp_path / "collection"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(".COORD X Y T P\n" + text)
    status, *rows, errors = convert(source, capsys)
    assert (status, rows) == (2, [[], []])
    assert errors == f"error: {source}: no lines and no words of UNIPEN files\n"


@pytest.mark.parametrize(
    ("written", "pieces"),
    [
        ("0-2", [(0, 0, None), (1, 0, None), (2, 0, None)]),
        ("3,5-6", [(3, 0, None), (5, 0, None), (6, 0, None)]),
        ("12:4-13:9", [(12, 4, None), (13, 0, 10)]),
        ("12:4-12:9", [(12, 4, 10)]),
        ("7:2", [(7, 2, 3)]),
    ],
)
def test_ranges(written, pieces):
    assert Segment("WORD", written, "OK", "").pieces() == pieces


def test_a_lifted_pen_cuts_a_component_where_pressure_tells(tmp_path, capsys):
    """Points 0 to 6 and 8 to 14 touch the paper; the pen flies in between without a new component."""
    source = tmp_path / "collection"
    source.mkdir()
    points = [(x, y, 9) for x, y in wave(0, 3, 0)] + [(400, 300, 0), (400, 300, 0), (400, 300, 0)]
    points += [(x, y, 9) for x, y in wave(400, 3, 0)]
    text = ".COORD X Y P\n.PEN_DOWN\n" + "".join(f"{x:.0f} {y:.0f} {p}\n" for x, y, p in points)
    (source / "a.dat").write_text(text + '.SEGMENT WORD 0 OK "nnnnnn"\n')
    _, _, [word], _ = convert(source, capsys)
    assert len(word["points"]) == 2


@pytest.mark.parametrize("slope", [-0.1, 0.0, 0.05])
def test_ruling_is_found_below_ascenders_and_above_descenders(slope):
    x = 30.0 * np.arange(81)
    y = np.where(np.arange(81) % 2, -100.0, 0.0)
    y[[7, 23, 51]] = -210  # ascenders
    y[[12, 40]] = 95  # descenders
    ruling = find_ruling([np.stack([x, 500 + y + slope * x], 1)], "handwriting by somebody")
    assert ruling.slope == pytest.approx(slope, abs=0.01)
    assert ruling.offset == pytest.approx(500, abs=8)
    assert ruling.x_height == pytest.approx(100, abs=8)


def test_strokes_without_height_have_no_ruling():
    assert find_ruling([np.array([[0.0, 0.0], [50.0, 0.0]]), np.array([[0.0, 20.0]])], "=") is None


def test_a_dot_that_is_added_later_belongs_to_its_row():
    dot = np.array([[120.0, 40.0], [121.0, 41.0]])
    strokes = [np.array([1, -1]) * wave(0, 4, -200), np.array([1, -1]) * wave(0, 4, -700), dot]
    assert find_rows(strokes).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("second", "rows"),
    [
        ((0, 300), [0, 1]),  # below
        ((900, 300), [0, 0]),  # beside it, as in a line that slopes
    ],
)
def test_a_row_is_below_another_and_not_beside_it(second, rows):
    line = np.array([1, -1]) * wave(0, 8, 0)
    assert find_rows([line, line + np.array(second)]).tolist() == rows


def test_a_comma_is_no_row():
    line, comma = np.array([1, -1]) * wave(0, 8, 0), np.array([[820.0, 90.0], [810.0, 140.0]])
    assert find_rows([line, comma, line + np.array([0, 400])]).tolist() == [0, 0, 1]


def test_simplified_strokes_stay_within_a_unit():
    angle = np.linspace(0, 2 * np.pi, 400)
    stroke = np.rint(200 * np.stack([np.cos(angle), np.sin(2 * angle)], 1)).astype(np.int64)
    kept = simplify(stroke)
    assert len(kept) < 100
    ends = np.stack([kept[:-1], kept[1:]], 1).astype(float)
    along = ends[:, 1] - ends[:, 0]
    share = ((stroke[:, None] - ends[None, :, 0]) * along).sum(-1) / (along**2).sum(-1)
    nearest = ends[:, 0] + np.clip(share, 0, 1)[..., None] * along
    assert np.hypot(*(stroke[:, None] - nearest).transpose(2, 0, 1)).min(1).max() <= 1 + 1e-9
    assert simplify(np.zeros((5, 2), np.int64)).tolist() == [[0, 0]]


def test_columns_must_divide_the_numbers(collection, capsys):
    ink = collection / "include" / "abc" / "Jo.dat"
    ink.write_text(ink.read_text().replace("1000 4000 0 40\n", "1000 4000 0\n", 1))
    status, lines, words, errors = convert(collection, capsys)
    assert status == 1 and "not 4 numbers each" in errors
    assert [row["text"] for row in words] == ["nnnn", "nnn", "nnnnn"]


@pytest.mark.parametrize("written", ["", "5-3", "0-999999999", ",".join(["0-90000"] * 2), "9" * 5000])
def test_ranges_that_no_file_has_are_refused_before_memory_is_taken(written):
    with pytest.raises(DataError, match="range") as error:
        Segment("WORD", written, "OK", "").pieces()
    assert len(str(error.value)) < 200
