import numpy as np
import pytest
from PIL import Image

from ocr.data.folder import FolderLines
from ocr.errors import DataError
from tests.data.conftest import picture


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
        (b"a.png\tone\nb.png two\n", r"labels\.tsv:2: expected file<TAB>text, got 'b.png two'", "no tab"),
        (b"a.png\tone\n\n\ttwo\n", r"labels\.tsv:3: expected", "no file; empty lines count"),
        (b"a.png\tone\na.png\t \n", r"labels\.tsv:2: empty text", "no label"),
        (b"a.png\tone\na.png\t\xe9t\xe9\n", r"labels\.tsv:2: not UTF-8", "Latin-1 file"),
        (b"\n", r"labels\.tsv: no labels", "empty file"),
        (b"x.png\tone\n", r"none of its 1 images is in", "wrong folder"),
    ],
)
def test_a_malformed_label_file_is_refused_by_line(folder, content, message, reason):
    with pytest.raises(DataError, match=message):
        _labels(folder, content)


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
