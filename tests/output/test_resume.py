"""An interrupted run goes on where it was, and reads nothing twice nor leaves anything out."""

import os
from pathlib import Path

import pytest
from PIL import Image

import ocr.commands.read_files
from ocr.commands import read
from ocr.output.resume import FILE


@pytest.fixture
def run(tiny_recognizer, tmp_path, monkeypatch, capsys):
    """Runs the command over a folder of three pictures; returns the exit status and the files it read."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "c.png"):
        Image.new("L", (40, 16), 200).save(tmp_path / name)

    def command(*arguments):
        always = [f"recognizer={tiny_recognizer}", "detector=none", "input=.", "output=out", "resume=true"]
        status = read.main([*always, "formats=txt,pdf", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, [line.removeprefix("# ") for line in out.splitlines() if line.startswith("# ")]

    return command


def test_what_was_read_is_passed_over(run, monkeypatch):
    whole, seen = ocr.commands.read_files._Run.read, []

    def interrupted(run, source):
        if len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(source)
        return whole(run, source)

    monkeypatch.setattr(ocr.commands.read_files._Run, "read", interrupted)
    assert run()[0] == 130
    monkeypatch.setattr(ocr.commands.read_files._Run, "read", whole)
    assert run() == (0, ["b.png", "c.png"])
    assert run() == (0, [])
    assert sorted(path.name for path in Path("out").glob("*.txt")) == ["a.txt", "b.txt", "c.txt"]


@pytest.mark.parametrize(
    ("change", "again", "reason"),
    [
        (lambda: os.utime("b.png", (1, 1)), ["b.png"], "a changed file"),
        (lambda: Path("out", FILE).unlink(), ["a.png", "b.png", "c.png"], "the list is gone"),
        (
            lambda: Path("out", FILE).write_bytes(Path("out", FILE).read_bytes()[:-20]),
            ["c.png"],
            "its end was not written",
        ),
    ],
)
def test_what_changed_is_read_again(run, change, again, reason):
    assert run()[1] == ["a.png", "b.png", "c.png"]
    change()
    assert run() == (0, again), reason
    assert run() == (0, []), "and noted again"


@pytest.mark.parametrize("argument", ["formats=json", "pages=1", "resume=false"])
def test_other_results_are_written(run, argument):
    run()
    assert run(argument)[1] == ["a.png", "b.png", "c.png"]


def test_what_failed_is_tried_again(run, tmp_path):
    (tmp_path / "b.png").write_bytes(b"")
    assert run() == (1, ["a.png", "b.png", "c.png"])
    assert run() == (1, ["b.png"])


def test_without_a_folder_there_is_nothing_to_resume(tiny_recognizer, capsys):
    assert read.main([f"recognizer={tiny_recognizer}", "input=x.png", "resume=true"]) == 2
    assert capsys.readouterr().err.startswith("ocr read: resume=true needs output=FOLDER")
