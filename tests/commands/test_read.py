"""The command line: names, order, outputs, streams and exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from ocr.commands import read
from ocr.commands.configs import CONFIGS
from ocr.commands.read_options import OPTIONS, parse
from ocr.detection.settings import DetectionSettings
from ocr.errors import ConfigError
from ocr.output import WRITERS

ROOT = Path(__file__).parents[2]


def draw(path, pages=1, width=40) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [Image.new("L", (width, 16), 200 + i) for i in range(pages)]
    options = {"save_all": True, "append_images": frames[1:]} if pages > 1 else {}
    kind = "TIFF" if path.suffix == ".tif" else "PNG"
    with open(path, "w+b") as file:
        frames[0].save(file, format=kind, **options)
    return path


@pytest.fixture
def run(tiny_recognizer, tmp_path, monkeypatch):
    """Runs the command in an empty folder with the tiny recogniser and no detector; returns the exit status."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: read.main([f"recognizer={tiny_recognizer}", "detector=none", *arguments])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("plain.png", "nothing special"),
        ("a=b.png", "the separator of options"),
        ("a, b.png", "Hydra's list separator"),
        ("[1].png", "a list, and a pattern"),
        ("[a-c].png", "a pattern that does not match itself"),
        ("{x: 1}.png", "a dictionary"),
        ("*.png", "a pattern"),
        ("what?.png", "a pattern"),
        ("${x}.png", "an interpolation"),
        ('it\'s "so".png', "quotes"),
        ("back\\slash\\.png", "backslashes"),
        ("letter to Zoë 手紙.png", "any script"),
        ("cafe\u0301.png", "decomposed accents stay decomposed"),
        ("~home.png", "Hydra's deletion sign"),
        ("+new.png", "Hydra's addition sign"),
        ("-rf.png", "looks like a flag"),
        ("100%.png", "a format sign"),
        ("#1.png", "a comment sign"),
        ("null", "a YAML word, and no suffix"),
        ("two\nlines.png", "a line break"),
        ("latin-\udce9.png", "not UTF-8"),
        (" .png", "a space alone"),
    ],
)
def test_file_names_are_taken_as_they_are(run, tmp_path, capsys, name, reason):
    draw(tmp_path / "in" / name)
    os.chdir(tmp_path / "in")
    assert run(f"input={name}", f"output=out {name}") == 0, reason
    out, err = capsys.readouterr()
    assert out == "a\n"
    assert len(err.splitlines()) == 1
    stem = Path(name).stem
    written = sorted(path.name for path in Path(f"out {name}").iterdir())
    assert written == sorted(f"{stem}{suffix}" for suffix in (".txt", ".json", ".draw.png"))


def test_every_format_takes_a_name_that_is_hardly_text(run, tmp_path, capsys):
    name = "<b>\n\x01'\"&;latin-\udce9.png"
    draw(tmp_path / name)
    assert run(f"input={name}", "output=out", f"formats={','.join(WRITERS)}") == 0
    assert capsys.readouterr().err.count("\n") == 1
    written = {path.name.removeprefix(Path(name).stem) for path in Path("out").iterdir()}
    assert written == {writer.suffix for writer in WRITERS.values()}


def test_without_output_nothing_is_written(run, tmp_path, capsys):
    draw(tmp_path / "page.png")
    assert run("input=page.png") == 0
    out, err = capsys.readouterr()
    assert out == "a\n"
    assert err.startswith("page.png: 1 line in ")
    assert [path.name for path in tmp_path.iterdir()] == ["page.png"]


def test_a_folder_is_read_in_natural_order_with_its_subfolders(run, tmp_path, capsys):
    for name in ("p10.png", "p2.PNG", "p2.jpg", "sub dir/p1.png", "notes.txt", ".hidden.png", ".git/x.png"):
        draw(tmp_path / "scans" / name)
    draw(tmp_path / "scans" / "p2.draw.png")
    for _ in range(2):  # a second run does not read the first one's pictures
        assert run("input=scans", "output=scans/out", "formats=[txt,draw]") == 0
        out, _ = capsys.readouterr()
        heads = ["scans/p2.jpg", "scans/p2.PNG", "scans/p10.png", "scans/sub dir/p1.png"]
        assert out == "".join(f"# {head}\na\n" for head in heads)
    found = sorted(str(p.relative_to(tmp_path / "scans/out")) for p in tmp_path.glob("scans/out/**/*.txt"))
    assert found == ["p10.txt", "p2.PNG.txt", "p2.jpg.txt", "sub dir/p1.txt"], (
        "p2 twice: suffixes tell them apart"
    )


def test_results_may_go_beside_the_inputs(run, tmp_path, capsys):
    draw(tmp_path / "a.png")
    for _ in range(2):
        assert run("input=.", "output=.") == 0
        assert capsys.readouterr().out == "a\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.draw.png", "a.json", "a.png", "a.txt"]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("*.png", ["1.png", "2.png"]),
        ("[1-1].png", ["1.png"]),
        ("**/*.png", ["1.png", "2.png", "sub/1.png"]),
        ("*", ["1.png", "2.png"]),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_patterns(run, tmp_path, capsys, pattern, files, absolute):
    for name in ("1.png", "2.png", "sub/1.png", "readme.md"):
        draw(tmp_path / name)
    assert run(f"input={tmp_path / pattern if absolute else pattern}", "output=out", "formats=txt") == 0
    assert capsys.readouterr().out.count("a\n") == len(files)
    found = sorted(
        str(path.relative_to(tmp_path / "out").with_suffix(".png")) for path in tmp_path.glob("out/**/*.txt")
    )
    assert found == files


def test_pages_of_a_file(run, tmp_path, capsys):
    """One file of results; a file per page where the format, or the user, wants that."""
    draw(tmp_path / "scan.tif", pages=3)
    assert run("input=scan.tif", "output=out", "formats=json,txt,page") == 0
    assert capsys.readouterr().out == "a\n\fa\n\fa\n"
    numbers = ["001", "002", "003"]
    xml = [f"scan-{number}.page.xml" for number in numbers]
    assert sorted(path.name for path in Path("out").iterdir()) == [*xml, "scan.json", "scan.txt"]
    assert Path("out/scan.txt").read_text() == "a\n\fa\n\fa\n"
    book = json.loads(Path("out/scan.json").read_text())
    assert [page["page"] for page in book["pages"]] == [1, 2, 3] and book["source"] == "scan.tif"
    assert run("input=scan.tif", "output=split", "formats=json", "split=true") == 0
    assert sorted(path.name for path in Path("split").iterdir()) == [f"scan-{n}.json" for n in numbers]
    assert json.loads(Path("split/scan-002.json").read_text())["page"] == 2


def test_results_of_pages_are_not_taken_for_foreign_files(run, tmp_path, capsys):
    draw(tmp_path / "scan.tif", pages=2)
    for _ in range(2):
        assert run("input=.", "output=.", "formats=page,txt,json", "split=true") == 0
        assert "passed over" not in capsys.readouterr().err


def test_split_leaves_the_name_of_a_single_page(run, tmp_path):
    draw(tmp_path / "letter.png")
    assert run("input=letter.png", "output=out", "formats=txt,page", "split=true") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["letter.page.xml", "letter.txt"]


def test_json_names_the_source_and_places_the_words(run, tmp_path):
    draw(tmp_path / "a=b.png", width=80)
    run("input=a=b.png", "output=out", "formats=json")
    page = json.loads(Path("out/a=b.json").read_text(encoding="utf-8"))
    assert (page["source"], page["width"], page["height"]) == ("a=b.png", 80, 16)
    word = np.array(page["lines"][0]["words"][0]["polygon"])
    assert (word >= 0).all() and (word <= (80, 16)).all()


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("formats=[txt,json]", "files.formats", ("txt", "json")),
        ("formats=txt,json", "files.formats", ("txt", "json")),
        ("formats=draw", "files.formats", ("draw",)),
        ("formats=txt,pdf,alto", "files.formats", ("txt", "pdf", "alto")),
        ("pages=1-3,7", "files.pages", "1-3,7"),
        ("dpi=300", "files.dpi", 300),
        ("text=running", "files.text", "running"),
        ("draw_color=#d55e00", "drawing.color", "#d55e00"),
        ("draw_width=5", "drawing.width", 5),
        ("draw_numbers=false", "drawing.numbers", False),
        ("width=1200", "detection.width", 1200),
        ("width=null", "detection.width", None),
        ("text_threshold=0.4", "detection.text_threshold", 0.4),
        ("with_refiner=false", "detection.with_refiner", False),
        ("device=cuda:1", "reader.device", "cuda:1"),
        ("detector=null", "reader.detector", None),
        ("output=null", "files.output", None),
        ("decode=beam", "reader.decode", "beam"),
        ("recognizer=my models/[best]=1", "reader.recognizer", "my models/[best]=1"),
    ],
)
def test_options_arrive_typed(argument, name, value):
    group, name = name.split(".")
    options = getattr(parse(["input=x", argument]), group)
    found = options[name] if group == "detection" else getattr(options, name)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("inptu=x.jpg", "unknown option 'inptu': did you mean input"),
        ("zzz=1", "options are input, pages"),
        ("+input=x.jpg", r"unknown option '\+input': did you mean input"),
        ("letter.jpg", "'letter.jpg' is not key=value, and the input is 'x'"),
        ("width=wide", "width=wide"),
        ("width=[", r"width=\["),
        ("width=1,2", "width=1,2"),
        ("with_refiner=perhaps", "with_refiner=perhaps"),
        ("min_confidence=40", "min_confidence must lie between 0 and 1, got 40"),
        ("link_threshold=-1", "link_threshold must lie between 0 and 1, got -1"),
        ("orientation=up", "orientation=up: choose from auto, keep"),
        ("draw_width=0", "draw_width=0"),
    ],
)
def test_wrong_options_are_named(argument, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(["input=x", argument])
    assert "\n" not in str(caught.value)


def test_the_input_may_stand_alone():
    assert parse(["letter.jpg", "dpi=100"]).files.input == "letter.jpg"
    assert parse(["-"]).files.input == "-"


def test_the_documented_options_are_those_there_are():
    """`configs/infer.yaml`, which is printed as help, describes each with its default; null: the detector's own."""
    documented = OmegaConf.to_container(OmegaConf.load(CONFIGS / "infer.yaml"))
    assert list(documented) == list(OPTIONS)
    for name, (group, item) in OPTIONS.items():
        default = None if group is DetectionSettings else getattr(group(), item)
        shown = documented[name]
        assert (tuple(shown) if isinstance(shown, list) else shown) == default, name


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["input=x", "-h"], 0), ([], 2)])
def test_help_lists_the_options(capsys, arguments, status):
    assert read.main(arguments) == status
    assert "text_threshold: null" in capsys.readouterr().out


def _command(tiny_recognizer, *arguments, **options):
    command = [
        sys.executable,
        str(ROOT / "infer.py"),
        f"recognizer={tiny_recognizer}",
        "detector=none",
        *arguments,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.slow
def test_the_command_from_another_folder(tiny_recognizer, tmp_path):
    """One real process: streams, encoding and exit status as a shell sees them."""
    draw(tmp_path / "手紙.png")
    (tmp_path / "broken.png").write_bytes(b"")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    process = _command(tiny_recognizer, "input=.", cwd=tmp_path, env=environment)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out.decode("utf-8") == "# broken.png\n# 手紙.png\na\n"
    assert "broken.png" in err.decode() and "Traceback" not in err.decode()


@pytest.mark.slow
def test_a_closed_pipe_ends_the_command_quietly(tiny_recognizer, tmp_path):
    """As in `infer.py ... | head -1`."""
    for number in range(3):
        draw(tmp_path / f"{number}.png")
    process = _command(tiny_recognizer, "input=.", cwd=tmp_path)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=120) == 141
    assert err == b""
