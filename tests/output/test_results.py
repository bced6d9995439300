"""Results that cannot be written: a line that names the file, no half file, and the rest of the batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image

import infer
from ocr.errors import ConfigError
from ocr.inference.inputs import Source
from ocr.output import WRITERS, choose_writers
from ocr.output.draw import DrawOptions
from ocr.output.results import Results
from tests.helpers.pages import PAGES

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
PAGE = PAGES["two paragraphs"]
IMAGE = np.random.default_rng(0).integers(0, 255, (PAGE.height, PAGE.width, 3), np.uint8)


def source(name="a") -> Source:
    return Source(Path(f"{name}.png"), Path(name))


@needs_full
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_named_and_leaves_no_half_file(name, tmp_path):
    path = tmp_path / f"a{WRITERS[name].suffix}"
    path.symlink_to(FULL)
    results = Results(str(tmp_path), choose_writers([name]))
    with pytest.raises(OSError, match="No space left on device") as caught, results.of(source()) as files:
        files.add(PAGE, IMAGE)
    assert caught.value.filename == str(path)
    assert not path.is_symlink(), "what could not be finished is removed"
    with results.of(source()) as files:
        files.add(PAGE, IMAGE)
    assert path.stat().st_size > 0


@needs_full
def test_a_full_disk_costs_one_format_of_one_file(tmp_path, capsys, monkeypatch, tiny_recognizer):
    monkeypatch.chdir(tmp_path)
    for name in ("1.png", "2.png"):
        Image.new("L", (40, 16), 200).save(name)
    Path("out").mkdir()
    Path("out/1.json").symlink_to(FULL)
    status = infer.main(
        [f"recognizer={tiny_recognizer}", "detector=none", "input=.", "output=out", "formats=pdf,json,txt"]
    )
    assert status == 1
    problems = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ocr read: ")]
    assert problems == ["ocr read: out/1.json: No space left on device"]
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "1.ocr.pdf",
        "1.txt",
        "2.json",
        "2.ocr.pdf",
        "2.txt",
    ]
    assert len(pypdf.PdfReader("out/1.ocr.pdf", strict=True).pages) == 1, "what was written is whole"


@needs_full
def test_files_that_fail_together_are_counted(tmp_path):
    writers = choose_writers(["json", "txt", "tsv", "alto"])
    for name in ("txt", "tsv", "alto"):
        (tmp_path / f"a{WRITERS[name].suffix}").symlink_to(FULL)
    results = Results(str(tmp_path), writers)
    with pytest.raises(OSError, match="No space left") as caught, results.of(source()) as files:
        files.add(PAGE, IMAGE)
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert caught.value.strerror.endswith("(nor could 2 more files of this page be written)")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.slow
@needs_full
def test_standard_output_on_a_full_disk_ends_with_one_line(tmp_path, tiny_recognizer):
    Image.new("L", (40, 16), 200).save(tmp_path / "a.png")
    command = [sys.executable, str(Path(infer.__file__)), f"recognizer={tiny_recognizer}", "detector=none"]
    with open(FULL, "w") as full:
        done = subprocess.run(
            [*command, f"input={tmp_path}"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert (done.returncode, done.stderr) == (2, "ocr read: standard output: No space left on device\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match=f"output={tmp_path}: not writable"):
        Results(str(tmp_path), [])


def test_pages_of_a_broken_file_are_kept(tmp_path):
    """Formats that hold many pages are complete with those that came before the error."""
    results = Results(str(tmp_path), choose_writers(["pdf", "txt"]))
    with pytest.raises(ValueError, match="page 3 is damaged"), results.of(source()) as files:
        files.add(PAGE, IMAGE)
        files.add(PAGE, IMAGE)
        raise ValueError("page 3 is damaged")
    assert len(pypdf.PdfReader(tmp_path / "a.ocr.pdf", strict=True).pages) == 2


def test_a_file_without_a_page_leaves_nothing(tmp_path):
    with Results(str(tmp_path), choose_writers(list(WRITERS))).of(source()):
        pass
    assert list(tmp_path.iterdir()) == []


def test_options_reach_their_writers(tmp_path):
    writers = choose_writers(["txt", "draw"], text="paragraphs", drawing=DrawOptions(color="#00ff00"))
    with Results(str(tmp_path), writers).of(source()) as files:
        files.add(PAGE, np.zeros_like(IMAGE))
    assert "\n\n" in (tmp_path / "a.txt").read_text()
    drawn = np.asarray(Image.open(tmp_path / "a.draw.png")).reshape(-1, 3)
    assert (0, 255, 0) in {tuple(pixel) for pixel in np.unique(drawn, axis=0).tolist()}
