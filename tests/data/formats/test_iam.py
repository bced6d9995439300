import numpy as np
import pytest
from PIL import Image

from ocr.data.formats.iam import IamLines
from ocr.errors import DataError
from tests.helpers.pictures import picture

XML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<form id="{form}" writer-id="{writer}"><machine-printed-part><line text="x"/></machine-printed-part>
<handwritten-part>
<line id="{form}-00" segmentation="ok" text="He said &quot;no&quot;, &amp;amp; left ."><word id="w" text="He"/></line>
<line id="{form}-01" segmentation="err" text="the café"/>
</handwritten-part></form>"""

LINES = """#--- lines.txt ---
#
a01-000u-00 ok 154 19 408 746 1661 89 He|said|"|no|"|,|(|and|left|)|.
a01-000u-01 err 156 19 395 932 1850 105 it|'s|late
b02-001-00 ok 1 1 1 1 1 1 the end|of it
"""


@pytest.fixture
def iam(tmp_path):
    for form in ("a01-000u", "b02-001"):
        for line in ("00", "01"):
            file = tmp_path / "lines" / form[:3] / form / f"{form}-{line}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(40)).save(file)
    (tmp_path / "xml").mkdir()
    for form, writer in (("a01-000u", "000"), ("b02-001", "007")):
        text = XML.format(form=form, writer=writer)
        (tmp_path / "xml" / f"{form}.xml").write_bytes(text.encode("latin-1"))
    (tmp_path / "task").mkdir()
    for name, ids in (
        ("trainset", "a01-000u-00"),
        ("validationset1", "a01-000u-01"),
        ("validationset2", "b02-001-00"),
        ("testset", "b02-001-01"),
    ):
        (tmp_path / "task" / f"{name}.txt").write_text(ids + "\n")
    return tmp_path


@pytest.fixture
def iam_ascii(iam):
    for file in (iam / "xml").iterdir():
        file.unlink()
    (iam / "xml").rmdir()
    (iam / "ascii").mkdir()
    (iam / "ascii" / "lines.txt").write_text(LINES)
    (iam / "ascii" / "forms.txt").write_text("# forms\na01-000u 000 2 prt 7 5 52 36\n")
    return iam


def test_xml_labels_are_unescaped(iam):
    lines = IamLines(iam)
    assert [line.id for line in lines.lines] == ["a01-000u-00", "a01-000u-01", "b02-001-00", "b02-001-01"]
    sample = lines[0]
    assert sample.text == 'He said "no", & left .'
    assert (sample.document, sample.writer, sample.language, sample.kind) == (
        "a01-000u",
        "000",
        "en",
        "handwritten",
    )
    assert np.array_equal(sample.image, picture(40))
    assert lines[1].text == "the café"
    assert lines.widths().tolist() == [2.5] * 4
    assert len(IamLines(iam, only_ok=True)) == 2


def test_ascii_labels_are_joined(iam_ascii):
    lines = IamLines(iam_ascii)
    assert [lines[i].text for i in range(3)] == ['He said " no ", (and left).', "it 's late", "the end of it"]
    assert [lines[i].writer for i in range(3)] == ["000", "000", ""]


@pytest.mark.parametrize(
    ("split", "expected", "reason"),
    [
        ("train", ["a01-000u-00"], "by its usual name"),
        ("val", ["a01-000u-01", "b02-001-00"], "both validation lists"),
        ("test", ["b02-001-01"], "by its usual name"),
        ("validationset2", ["b02-001-00"], "exactly this list"),
        (None, ["a01-000u-00", "a01-000u-01", "b02-001-00", "b02-001-01"], "everything"),
    ],
)
def test_splits_by_line(iam, split, expected, reason):
    assert [line.id for line in IamLines(iam, split).lines] == expected, reason


def test_splits_by_form_and_by_file(iam):
    folder = iam / "aachen"
    folder.mkdir()
    (folder / "train.uttlist").write_text("b02-001\nz99-999\n")
    for split, splits in (("train", folder), (folder / "train.uttlist", None)):
        assert [line.form for line in IamLines(iam, split, splits=splits).lines] == ["b02-001"] * 2


def test_what_is_missing_is_named(iam, iam_ascii, tmp_path):
    with pytest.raises(DataError, match="no list of ids for split 'dev'"):
        IamLines(iam, "dev")
    (iam / "other.txt").write_text("z99-999\n")
    with pytest.raises(DataError, match=r"other\.txt: none of its 1 ids"):
        IamLines(iam, iam / "other.txt")
    (iam / "lines" / "a01" / "a01-000u" / "a01-000u-01.png").unlink()
    with pytest.raises(DataError, match="line 'a01-000u-01'"):
        IamLines(iam)[1]
    (iam / "ascii" / "lines.txt").write_text(LINES + "a01-000u-02 maybe 1\n")
    with pytest.raises(DataError, match=r"lines\.txt:6: not a line of IAM"):
        IamLines(iam)
    with pytest.raises(DataError, match="neither xml/ nor"):
        IamLines(iam / "lines")


def test_a_split_that_is_not_there_names_what_was_looked_for(iam):
    for file in (iam / "task").iterdir():
        file.unlink()
    with pytest.raises(
        DataError, match=r"looked for trainset|looked for train\.txt, trainset\.txt .* in .*task"
    ):
        IamLines(iam, "train")
