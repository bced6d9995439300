import re

import numpy as np
import pytest
from PIL import Image

from ocr.data.lines.folder import FolderLines
from ocr.errors import DataError
from tests.helpers.pictures import picture


@pytest.fixture
def folder(tmp_path):
    for name, width in (("a.png", 40), ("p1/b.jpg", 60)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture(width)).save(tmp_path / name)
    return tmp_path


def _labels(folder, content: bytes):
    (folder / "labels.tsv").write_bytes(content)
    return FolderLines(folder, folder / "labels.tsv", name="mine", language="fr")


def test_labels_and_images_meet(folder):
    lines = _labels(folder, "\ufeffa.png\tl’été\r\n\r\np1/b.jpg\tdeux\ttabs\r\n".encode())
    assert [(lines[i].text, lines[i].id, lines[i].document) for i in (0, 1)] == [
        ("l'été", "a.png", "a.png"),
        ("deux tabs", "p1/b.jpg", "p1"),
    ]
    assert (lines[0].source, lines[0].language) == ("mine", "fr")
    assert np.array_equal(lines[0].image, picture(40))
    assert lines.widths().tolist() == [2.5, 3.75]


@pytest.mark.parametrize(
    ("content", "message", "reason"),
    [
        (b"\n", r"labels\.tsv: no labels", "empty file"),
        (b"x.png\tone\n", r"none of its 1 images is in", "wrong folder"),
        (b"a.png one\n", r"labels\.tsv:1: expected file<TAB>text, got 'a.png one'", "nothing else"),
    ],
)
def test_a_label_file_without_usable_labels_is_refused(folder, content, message, reason):
    with pytest.raises(DataError, match=message):
        _labels(folder, content)


@pytest.mark.parametrize(
    ("content", "message", "reason"),
    [
        (b"a.png\tone\nb.png two\n", r"labels\.tsv:2: expected file<TAB>text, got 'b.png two'", "no tab"),
        (b"a.png\tone\n\n\ttwo\n", r"labels\.tsv:3: expected", "no file; empty lines count"),
        (b"a.png\tone\na.png\t \n", r"labels\.tsv:2: empty text", "no label"),
        (b"a.png\tone\na.png\t\xe9t\xe9\n", r"labels\.tsv:2: not UTF-8", "Latin-1 file"),
    ],
)
def test_a_malformed_label_costs_itself_and_is_named(folder, content, message, reason):
    (folder / "labels.tsv").write_bytes(content)
    problems = []
    lines = FolderLines(folder, on_problem=problems.append)
    assert [lines[i].text for i in range(len(lines))] == ["one"], reason
    (problem,) = problems
    assert re.search(message, str(problem)) and "\n" not in str(problem)


@pytest.mark.parametrize("name", ["P1\\B.JPG", "p1/my%20line.png", "P1/My Line.PNG"])
def test_files_are_found_by_what_other_systems_make_of_their_names(folder, name):
    Image.fromarray(picture(60)).save(folder / "p1" / "my line.png")
    lines = _labels(folder, f"a.png\tone\n{name}\ttwo\n".encode())
    assert lines[1].image.shape[1] == 60
    assert lines[1].document == "p1"


def test_processed_pictures_share_the_label_of_their_line(folder):
    """OCRopus, kraken and Calamari write 0000.bin.png and 0000.nrm.png beside 0000.gt.txt."""
    for name in ("0.bin.png", "0.nrm.png", "1.nrm.png", "2.bin.png", "2.png"):
        Image.fromarray(picture(30)).save(folder / name)
    for name in "012":
        (folder / f"{name}.gt.txt").write_text(f"line {name}")
    lines = FolderLines(folder)
    assert [(lines[i].id, lines[i].text) for i in range(len(lines))] == [
        ("0.bin.png", "line 0"),
        ("1.nrm.png", "line 1"),
        ("2.png", "line 2"),
    ]


def test_without_a_label_file_texts_lie_beside_their_pictures(folder):
    (folder / "a.gt.txt").write_text("\ufeffone\n", encoding="utf-8")
    (folder / "a.txt").write_text("a reading that a.gt.txt corrects")
    (folder / "p1" / "b.txt").write_text("two")
    for name in ("unread.png", "blank.png"):
        Image.fromarray(picture(30)).save(folder / name)
    (folder / "blank.txt").write_text("\n")
    (folder / "README.txt").write_text("No picture\nof this name.")
    lines = FolderLines(folder)
    assert [(lines[i].text, lines[i].id) for i in range(len(lines))] == [
        ("one", "a.png"),
        ("two", "p1/b.jpg"),
    ]
    assert lines.documents() == ["a.png", "p1"]


def test_labels_tsv_goes_before_texts(folder):
    (folder / "a.txt").write_text("beside")
    (folder / "labels.tsv").write_text("a.png\tlisted\n")
    assert [FolderLines(folder)[0].text] == ["listed"]


@pytest.mark.parametrize(
    ("content", "message", "reason"),
    [
        (b"one\ntwo\n", r"a\.txt: expected the text of one line, got 2", "a page's text"),
        (b"\xe9t\xe9", r"a\.txt: not UTF-8", "Latin-1"),
        (None, r"no labels\.tsv, and no picture with a text beside it", "pictures alone"),
    ],
)
def test_a_text_that_is_no_label_is_refused_by_name(folder, content, message, reason):
    if content is not None:
        (folder / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        FolderLines(folder)


def test_one_missing_or_broken_image_costs_only_itself(folder):
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    lines = _labels(folder, b"a.png\tone\ngone.png\ttwo\nbroken.png\tthree\n")
    with pytest.raises(DataError, match=r"labels\.tsv:2: gone\.png"):
        lines[1]
    with pytest.raises(DataError, match=r"labels\.tsv:3: broken\.png"):
        lines[2]
    assert lines[0].text == "one"
    assert np.isnan(lines.widths()).tolist() == [False, True, True]


def test_a_missing_label_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"labels\.tsv"):
        FolderLines(tmp_path, tmp_path / "labels.tsv")


def test_a_label_file_is_looked_for_in_the_folder_too(folder, monkeypatch):
    (folder / "other.tsv").write_bytes(b"a.png\tone\n")
    monkeypatch.chdir("/")
    assert FolderLines(folder, "other.tsv")[0].text == "one"
