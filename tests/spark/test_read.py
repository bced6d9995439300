"""Folders into Parquet: complete, resumable, and undisturbed by bad files and dying workers."""

import os
import signal
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from ocr import Reader
from ocr.errors import ConfigError
from ocr.spark.__main__ import main
from ocr.spark.read import PAGES, ReadOptions, ReadPages, existing, literal, missing_files

NAMES = [
    "plain.png",
    "a b.PNG",
    "[1].png",
    "x,y {z}.png",
    "what?*.png",
    "back\\slash.png",
    "100%.png",
    "Zoë.png",
]


def draw(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        Image.new("L", (30, 16), 200).save(file, format="PNG")
    return path


def name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


@pytest.fixture
def command(spark, tiny_recognizer, tmp_path):
    """Runs the command on `scans` with the tiny recogniser; returns its exit status."""
    return lambda *more: main(
        ["read", str(tmp_path / "scans"), str(tmp_path / "texts"), "--recognizer", str(tiny_recognizer)]
        + ["--detector", "none", "--master", "local[1,4]", *more]
    )


def test_a_folder_is_read_and_then_only_what_is_missing(spark, command, tiny_recognizer, tmp_path, capsys):
    scans = tmp_path / "scans"
    for each in NAMES:
        draw(scans / "deep" / each)
    (scans / "notes.txt").write_text("not a page")
    pages = [Image.new("RGB", (30, 16), "white")] * 2
    pages[0].save(scans / "two.tif", save_all=True, append_images=pages[1:])
    (scans / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")

    assert command("--commit-every", "6") == 1, "a file failed"
    assert "10 files read, 11 pages, 1 failed" in capsys.readouterr().out
    rows = spark.read.parquet(str(tmp_path / "texts")).collect()
    assert sorted((name(row.path), row.pagenum) for row in rows) == sorted(
        [(each, 0) for each in NAMES] + [("two.tif", 0), ("two.tif", 1), ("broken.jpg", 0)]
    )
    alone = Reader.from_pretrained(tiny_recognizer, None, device="cpu").read(scans / "deep" / NAMES[0])
    for row in rows:
        if name(row.path) == "broken.jpg":
            assert row.text is None and "broken.jpg" in row.exception
        else:
            assert (row.text, row.exception) == (alone.text, None)
            assert [line.text for line in row.lines] == [line.text for line in alone.lines]
            assert row.confidence == pytest.approx(alone.lines[0].confidence)

    draw(scans / "new.png")
    assert command() == 0
    assert "1 files read, 1 pages, 0 failed" in capsys.readouterr().out
    assert spark.read.parquet(str(tmp_path / "texts")).count() == len(rows) + 1


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(spark, tiny_recognizer, tmp_path):
    for number in range(10):
        draw(tmp_path / "scans" / f"{number}.png")
    marker = tmp_path / "killed"
    options = ReadOptions(recognizer=str(tiny_recognizer), detector=None)
    schema = to_arrow_schema(PAGES)
    work = ReadPages(inputs=("path", "content"), kept=("path",), schema=schema, rows=2, options=options)

    def dying(batches):
        for number, batch in enumerate(work(batches)):
            if number == 4 and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    files = spark.read.format("binaryFile").load(str(tmp_path / "scans")).coalesce(1)
    read = files.mapInArrow(dying, StructType([StructField("path", StringType()), *PAGES.fields])).collect()
    assert marker.exists()
    assert sorted(name(row.path) for row in read) == [f"{number}.png" for number in range(10)]
    assert {row.text for row in read} == {"a"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recognizer", "nobody"], "unknown bundle 'nobody'"),
        (["--decode", "psychic"], "psychic"),
        (["--conf", "nonsense"], "--conf nonsense: expected key=value"),
    ],
)
def test_a_bad_option_is_one_line_before_spark_starts(arguments, message, capsys):
    assert main(["read", "scans", "texts", "--detector", "none", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_folder_without_pages_is_one_line(command, tmp_path, capsys):
    (tmp_path / "scans").mkdir()
    assert command() == 2
    assert "nothing to read" in capsys.readouterr().err.splitlines()[-1]


def test_an_output_that_cannot_be_written_is_one_line(spark, tiny_recognizer, tmp_path, capsys):
    draw(tmp_path / "scans" / "a.png")
    (tmp_path / "file").touch()
    output = str(tmp_path / "file" / "texts")
    arguments = ["read", str(tmp_path / "scans"), output, "--detector", "none", "--master", "local[1,4]"]
    assert main([*arguments, "--recognizer", str(tiny_recognizer)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {output}: ")


def test_a_missing_source_and_a_foreign_output_are_named(spark, tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        missing_files(spark, str(tmp_path / "nowhere"), None)
    spark.range(1).write.parquet(str(tmp_path / "other"))
    with pytest.raises(ConfigError, match="holds other data, with columns id"):
        existing(spark, str(tmp_path / "other"))


def test_a_path_with_the_signs_of_a_pattern_stands_for_itself():
    assert literal("file:/a/[1]{x}*?\\.png") == "file:/a/\\[1\\]\\{x\\}\\*\\?\\\\.png"
