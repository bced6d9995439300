"""Whatever the input, a user gets one line that names the culprit, and the rest of the batch."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ocr.commands import read
from ocr.data.lines.manifest import ParquetLines
from ocr.errors import DataError, FontError, LabelError
from ocr.synth.fonts import FontLibrary
from ocr.text.tokenizer import CharTokenizer
from tests.helpers.pictures import noise, png_header


@pytest.fixture
def run(tiny_recognizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: read.main([f"recognizer={tiny_recognizer}", "detector=none", *arguments])


def complaints(err: str) -> list[str]:
    """The lines of standard error that report a problem; everything else is progress."""
    assert "Traceback" not in err
    return [line for line in err.splitlines() if line.startswith("ocr read: ")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", b"", "an interrupted download"),
        ("prose.jpg", b"Dear Sir,\nthis is not a picture.\n", "text with a picture's suffix"),
        ("cut.jpg", noise("JPEG", (400, 300))[:9000], "a truncated JPEG"),
        ("cut.png", noise("PNG", (400, 300))[:9000], "a truncated PNG"),
        ("head.jpg", noise("JPEG")[:20], "hardly a JPEG header"),
        ("none.png", png_header(0, 0), "no pixels"),
        ("huge.png", png_header(30000, 30000), "would fill the memory"),
        ("liar.png", png_header(500, 500), "fewer pixels than announced"),
        ("page.pdf.png", b"%PDF-1.7\n", "a document with a picture's suffix"),
        ("pointer.png", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_an_unreadable_file_costs_one_line_and_not_the_batch(run, tmp_path, capsys, name, content, reason):
    for good in ("1 first.png", "z last.png"):
        (tmp_path / good).write_bytes(noise())
    (tmp_path / name).write_bytes(content)
    assert run("input=.", "output=out") == 1, reason
    out, err = capsys.readouterr()
    (line,) = complaints(err)
    assert name in line, "the culprit is named"
    assert out == f"# 1 first.png\na\n# {name}\n# z last.png\na\n"
    assert sorted(path.name for path in Path("out").glob("*.txt")) == ["1 first.txt", "z last.txt"]


def test_links_that_lead_nowhere_are_told_and_pipes_not_waited_for(run, tmp_path, capsys):
    (tmp_path / "good.png").write_bytes(noise())
    (tmp_path / "circle.png").symlink_to("circle.png")
    (tmp_path / "lost.png").symlink_to("gone.png")
    (tmp_path / "around").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.png")
    assert run("input=.", "output=out") == 1
    out, err = capsys.readouterr()
    assert complaints(err) == [
        "ocr read: circle.png: Too many levels of symbolic links",
        "ocr read: lost.png: No such file or directory",
    ]
    assert out.endswith("# good.png\na\n# lost.png\n"), "and what is behind a link to a folder is read once"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_subfolder_without_permission_is_named(run, tmp_path, capsys):
    (tmp_path / "good.png").write_bytes(noise())
    (tmp_path / "locked").mkdir(mode=0)
    assert run("input=.") == 1
    out, err = capsys.readouterr()
    assert complaints(err) == ["ocr read: locked: Permission denied"]
    assert out == "# good.png\na\n# locked\n"


def test_a_folder_that_looks_like_a_picture_is_no_file(run, tmp_path, capsys):
    (tmp_path / "album.jpg").mkdir()
    (tmp_path / "album.jpg" / "1.png").write_bytes(noise())
    assert run("input=.") == 0
    assert capsys.readouterr().out == "a\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(run, tmp_path, capsys):
    (tmp_path / "secret.png").write_bytes(noise())
    (tmp_path / "secret.png").chmod(0)
    assert run("input=secret.png") == 1
    assert "secret.png" in complaints(capsys.readouterr().err)[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3000, 1), (2, 2)])
def test_the_smallest_pictures_are_pictures(run, tmp_path, capsys, size):
    (tmp_path / "dot.png").write_bytes(noise(size=size))
    assert run("input=dot.png", "output=out") == 0
    assert complaints(capsys.readouterr().err) == []


def test_pages_before_a_broken_one_are_kept(run, tmp_path, capsys):
    frames = [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (99, 99), np.uint8)) for i in range(3)
    ]
    frames[0].save(tmp_path / "scan.tif", save_all=True, append_images=frames[1:], compression="tiff_lzw")
    content = bytearray((tmp_path / "scan.tif").read_bytes())
    with Image.open(tmp_path / "scan.tif") as scan:
        scan.seek(2)
        start = scan.tag_v2[273][0]
    content[start : start + 2000] = b"\xff" * 2000
    (tmp_path / "scan.tif").write_bytes(content)
    assert run("input=scan.tif", "output=out", "formats=txt") == 1
    assert "scan.tif" in complaints(capsys.readouterr().err)[0]
    assert sorted(path.name for path in Path("out").iterdir()) == ["scan.txt"]


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["input=missing.jpg"], "missing.jpg: no such file"),
        (["input=no/such/folder/"], "no/such/folder/"),
        (["input=" + 300 * "x"], "no such file"),
        (["input=good.png/below.png"], "no such file"),
        (["input=circle.png"], "circle.png: a link that leads nowhere"),
        (["input=hollow"], "hollow: no images in this folder"),
        (["input=texts"], "texts: no images in this folder"),
        (["input=*.gif"], r"\*.gif: no image matches"),
        (["input="], "no input"),
        ([], "no input"),
        (["input=good.png", "output=good.png"], "output=good.png"),
        (["input=good.png", "output=good.png/below"], "output=good.png/below"),
        (["input=good.png", "output=/proc/none"], "output=/proc/none"),
        (["input=good.png", "formats=[txt,doc]"], "unknown format 'doc'"),
        (["input=good.png", "color=red"], "unknown option 'color'"),
        (["input=good.png", "recognizer=best_ever"], "'best_ever'"),
        (["input=good.png", "detector=best_ever"], "'best_ever'"),
        (["input=good.png", "detector=damaged"], "damaged/bundle.json"),
        (["input=good.png", "decode=magic"], "'magic'"),
        (["input=good.png", "decode=beam"], "no autoregressive decoder"),
        (["input=good.png", "device=gpu"], "device=gpu"),
        (["input=good.png", "batch_size=0"], "batch_size"),
    ],
)
def test_a_command_that_cannot_work_stops_with_one_line(run, tmp_path, capsys, arguments, culprit):
    (tmp_path / "hollow").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no picture")
    (tmp_path / "good.png").write_bytes(noise())
    (tmp_path / "circle.png").symlink_to("circle.png")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "bundle.json").write_text("{")
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(culprit, err)


def test_a_result_that_cannot_be_written_is_named(run, tmp_path, capsys):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(noise())
    (tmp_path / "out" / "a.txt").mkdir(parents=True)
    assert run("input=.", "output=out", "formats=txt") == 1
    out, err = capsys.readouterr()
    assert "out/a.txt" in complaints(err)[0]
    assert (tmp_path / "out" / "b.txt").read_text() == "a\n"


def test_a_recognizer_is_no_detector(run, tmp_path, capsys, tiny_recognizer):
    (tmp_path / "good.png").write_bytes(noise())
    shutil.copytree(tiny_recognizer, tmp_path / "reader")
    assert run("input=good.png", "detector=reader") == 2
    assert "is a recognizer, not a detector" in capsys.readouterr().err


def _parquet(path, rows) -> Path:
    columns = {
        "id": [f"line {i}" for i in range(len(rows))],
        "image": [image for image, _ in rows],
        "text": [text for _, text in rows],
        "page_id": ["page"] * len(rows),
        "source": ["made up"] * len(rows),
        "language": ["en"] * len(rows),
        "writer": ["nobody"] * len(rows),
        "kind": ["handwritten"] * len(rows),
        "width": [64] * len(rows),
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("image", "reason"),
    [(b"", "nothing"), (b"no picture", "something else"), (noise()[:40], "cut off")],
)
def test_a_corrupt_parquet_row_is_named_and_the_others_load(tmp_path, image, reason):
    path = _parquet(tmp_path / "lines.parquet", [(noise(), "one"), (image, "two"), (noise(), "three")])
    lines = ParquetLines(path)
    with pytest.raises(DataError, match=r"lines\.parquet.*(1|line 1)"):
        lines[1]
    assert [lines[0].text, lines[2].text] == ["one", "three"]


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"PAR1 not quite", "damaged"), (None, "missing")]
)
def test_an_unreadable_parquet_file_is_named(tmp_path, content, reason):
    path = tmp_path / "lines.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"lines\.parquet") as caught:
        ParquetLines(path)
    assert "\n" not in str(caught.value)


def test_a_label_outside_the_charset_names_its_characters():
    with pytest.raises(LabelError, match="世") as caught:
        CharTokenizer("abc ").encode("a 世 b")
    assert "\n" not in str(caught.value)


def test_a_missing_font_is_named(tmp_path):
    with pytest.raises(FontError, match=re.escape(str(tmp_path))):
        FontLibrary(tmp_path)
