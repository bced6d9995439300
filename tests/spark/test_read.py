"""Folders into Parquet: complete, resumable, and undisturbed by bad files and dying workers."""

import os
import re
import shutil
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

import ocr.spark.read as read_module
from ocr import Reader
from ocr.commands.spark import main
from ocr.errors import ConfigError
from ocr.spark.folders import literal, missing_files
from ocr.spark.read import PAGES, ReadOptions, ReadPages, read_missing, read_pages
from ocr.spark.worker import line_reader

EXAMPLES = Path(__file__).parents[2] / "examples"

NAMES = [
    "plain.png",
    "a b.PNG",
    "[1].png",
    "x,y {z}.png",
    "what?*.png",
    "back\\slash.png",
    "100%25.png",
    "a+b #c.png",
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
    captured = capsys.readouterr()
    assert "11 files read, 12 pages, 1 failed" in captured.out
    before, first, last = captured.err.splitlines()[-3:]
    assert before.endswith("texts: 11 files to read") and " 6 of 11 files" in first
    assert re.search(r" 11 of 11 files, 12 pages, 1 failed, \d.* pages/s, 0:00:00 left$", last)
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


def test_a_run_killed_between_commits_is_completed_by_the_next(spark, command, tiny_recognizer, tmp_path):
    for number in range(9):
        draw(tmp_path / "scans" / f"{number}.png")
    texts = tmp_path / "texts"
    arguments = ["read", tmp_path / "scans", texts, "--recognizer", tiny_recognizer, "--detector", "none"]
    run = subprocess.Popen(
        [sys.executable, "-m", "ocr", "spark", *arguments, "--master", "local[1]", "--commit-every", "3"],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in run.stderr:
        if " 3 of 9 files" in line:
            os.killpg(run.pid, signal.SIGKILL)  # Python and Java alike, as when a machine is gone.
            break
    run.communicate()
    # What tasks had written, and half written, when they died.
    left = texts / "_temporary" / "0"
    (left / "task_1").mkdir(parents=True, exist_ok=True)
    (left / "_temporary" / "attempt_2").mkdir(parents=True, exist_ok=True)
    shutil.copy(next(texts.glob("part-*.parquet")), left / "task_1" / "part-1.parquet")
    (left / "_temporary" / "attempt_2" / "part-2.parquet").write_bytes(b"PAR1 half a file")

    written = spark.read.parquet(str(texts)).count()
    assert 3 <= written < 9
    assert command() == 0
    rows = spark.read.parquet(str(texts)).collect()
    assert sorted(name(row.path) for row in rows) == [f"{number}.png" for number in range(9)]
    assert {row.text for row in rows} == {"a"}


def test_one_broken_file_in_a_hundred_costs_its_own_row(spark, command, tmp_path):
    scans = tmp_path / "scans"
    good = draw(scans / "000.png").read_bytes()
    for number in range(1, 300):
        (scans / f"{number:03}.png").write_bytes(good)
    broken = {"050.png": b"", "150.png": good[: len(good) // 2], "250.png": b"no picture at all"}
    for each, content in broken.items():
        (scans / each).write_bytes(content)
    assert command() == 1
    rows = {name(row.path): row for row in spark.read.parquet(str(tmp_path / "texts")).collect()}
    assert len(rows) == 300
    assert {each for each, row in rows.items() if row.exception is not None} == set(broken)
    for each, row in rows.items():
        assert each in row.exception if each in broken else row.text == "a"


@pytest.mark.parametrize("adaptive", ["true", "false"])
def test_adaptive_execution_changes_nothing(spark, tiny_recognizer, tmp_path, adaptive):
    for number in range(6):
        draw(tmp_path / "scans" / f"{number}.png")
    files = spark.read.format("binaryFile").load(str(tmp_path / "scans")).repartition(3)
    spark.conf.set("spark.sql.adaptive.enabled", adaptive)
    try:
        read = read_pages(files, ReadOptions(recognizer=str(tiny_recognizer), detector=None)).collect()
    finally:
        spark.conf.unset("spark.sql.adaptive.enabled")
    assert sorted((name(row.path), row.text) for row in read) == [
        (f"{number}.png", "a") for number in range(6)
    ]


def test_a_worker_loads_its_model_once_for_all_tasks(spark, tiny_recognizer, tmp_path):
    for number in range(6):
        draw(tmp_path / "scans" / f"{number}.png")
    options = ReadOptions(recognizer=str(tiny_recognizer), detector=None)
    schema = to_arrow_schema(PAGES)
    work = ReadPages(inputs=("path", "content"), kept=("path",), schema=schema, rows=1, options=options)

    def loads(batches):
        for _ in work(batches):
            pass
        yield pa.RecordBatch.from_pylist([{"worker": os.getpid(), "loads": line_reader.cache_info().misses}])

    files = spark.read.format("binaryFile").load(str(tmp_path / "scans")).repartition(3)
    rows = files.mapInArrow(loads, "worker long, loads long").collect()
    assert len(rows) == 3, "as many tasks"
    before = min(row.loads for row in rows)
    assert {row.loads for row in rows if row.worker == rows[0].worker} == {before}


def test_the_text_of_a_page_is_that_of_the_reader(spark, tmp_path):
    """With the shipped models: a line and pages upright, turned and empty, which share batches."""
    letter = Image.open(EXAMPLES / "letter.jpg").convert("L")
    upright = letter.crop((0, 0, letter.width, letter.height // 3))
    for angle in (0, 90, 180):
        upright.rotate(angle, expand=True).save(tmp_path / f"turned_{angle}.png")
    Image.new("L", (300, 200), 235).save(tmp_path / "empty.png")
    shutil.copy(EXAMPLES / "line.png", tmp_path)
    files = spark.read.format("binaryFile").load(str(tmp_path))
    rows = {name(row.path): row for row in read_pages(files.coalesce(1), ReadOptions(decode="ctc")).collect()}
    alone = Reader.from_pretrained(device="cpu", decode="ctc")
    for each, row in rows.items():
        page = alone.read(tmp_path / each)
        assert row.exception is None
        assert (row.text, len(row.lines)) == (page.text, len(page.lines)), each
        # In bfloat16, where a CPU computes in it, what shares a batch changes the last digits.
        confidences = [line.confidence for line in page.lines if line.text]
        assert [line.confidence for line in row.lines] == pytest.approx(confidences, abs=5e-3)
    texts = {each: row.text for each, row in rows.items()}
    assert len(texts) == 5 and texts.pop("empty.png") == ""
    assert min(len(text) for text in texts.values()) > 20
    assert len({texts[f"turned_{angle}.png"] for angle in (0, 90, 180)}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recognizer", "nobody"], "unknown bundle 'nobody'"),
        (["--decode", "psychic"], "psychic"),
        (["--orientation", "up"], "orientation=up: choose from auto, keep"),
        (["--min-confidence", "40"], "min_confidence must lie between 0 and 1, got 40"),
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
        next(read_missing(spark, str(tmp_path), str(tmp_path / "other"), ReadOptions(detector=None)))


def test_results_are_committed_soon_and_then_seldom():
    sizes = read_module._commit_sizes(None, 2)
    assert list(islice(sizes, 5)) == [8, 32, 128, 256, 256]
    assert list(islice(read_module._commit_sizes(100, 2), 2)) == [100, 100]


def test_a_path_with_the_signs_of_a_pattern_stands_for_itself():
    assert literal("file:/a/[1]{x}*?\\.png") == "file:/a/\\[1\\]\\{x\\}\\*\\?\\\\.png"
