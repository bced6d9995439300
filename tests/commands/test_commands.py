"""The command `ocr`: its list of subcommands, their help, and its words on wrong arguments."""

import os
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import ocr
from ocr.commands import COMMANDS, SPINS, main
from ocr.commands.licenses import License, licenses
from ocr.decoding import DECODERS, get_decoder

PARTS = {
    "align": ("lines", "pages", "strokes"),
    "convert": ("trocr", "craft", "deit", "unipen"),
    "spark": ("read",),
    "synth": ("sheet", "folder", "parquet", "pages"),
}
"""Commands of several parts, which have help of their own."""

LIBRARIES = ("torch", "numpy", "hydra", "cv2", "pyarrow")


def help_of(*words: str, capsys) -> str:
    try:
        status = main([*words, "--help"])
    except SystemExit as stop:
        status = stop.code
    assert status == 0
    return capsys.readouterr().out


def test_the_overview_lists_every_command_without_loading_libraries():
    code = (
        "import sys; from ocr.commands import main; status = main(['--help'])\n"
        f"print(status, {set(LIBRARIES)} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 set()"
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_help_of_commands_with_options_loads_no_library():
    names = sorted(set(COMMANDS) - {"read", "train", "evaluate", "export"})
    code = f"""
import sys
from ocr.commands import main
for name in {names}:
    try:
        main([name, "--help"])
    except SystemExit:
        pass
    print(name, {set(LIBRARIES)} & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == [f"{name} set()" for name in names]


@pytest.mark.parametrize(("module", "summary"), COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_has_a_module(module, summary):
    assert find_spec(module) and summary


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name, capsys):
    text = help_of(name, capsys=capsys)
    assert f"    ocr {name}" in text and len(text.splitlines()) > 3


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in PARTS.items() for part in parts])
def test_every_part_of_a_command_has_help(name, part, capsys):
    assert f"usage: ocr {name} {part}" in help_of(name, part, capsys=capsys)


def test_options_are_shown_with_their_defaults(capsys):
    text = help_of("align", "strokes", capsys=capsys)
    assert "evenly spread (default: 400)" in text and "(default: train)" in text and "None" not in text


@pytest.mark.parametrize(
    ("arguments", "message", "why"),
    [
        (["fit"], "the following arguments are required", "nothing to fit to"),
        (["align", "lines", "x.parquet"], "required: --output", "nowhere to write"),
        (
            ["synth", "sheet", "--output", "x.png", "--count", "0"],
            "expected a number from 1, got '0'",
            "none",
        ),
        (["synth", "drawing"], "invalid choice: 'drawing'", "an unknown part"),
        (["tokenizer", "x", "--output", "y", "--size", "red"], "--size", "no number"),
        (["ngram", "none.txt", "--output", "x.ngram"], "none.txt", "no text"),
        (["align", "strokes", "none.parquet", "--output", "x.parquet"], "none.parquet", "no strokes"),
        (
            ["fit", "ocr_small_handwritten", "x.parquet", "--decode", "magic"],
            "'magic'",
            "an unknown decoding",
        ),
    ],
)
def test_wrong_arguments_cost_one_line(arguments, message, why, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2, why
    out, err = capsys.readouterr()
    assert message in err and err.startswith("error: ") and err.count("\n") == 1 and not out
    assert not list(tmp_path.iterdir())


def test_an_unknown_command_is_named_with_the_nearest(capsys):
    assert main(["raed"]) == 2
    assert capsys.readouterr().err == "error: unknown command 'raed': did you mean read?\n"


def test_the_version_is_the_package_s(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ocr {ocr.__version__}\n"


def test_the_former_name_of_rescoring_is_accepted():
    assert "joint" not in DECODERS
    assert type(get_decoder("joint")) is type(get_decoder("rescore"))


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("trainer.max_step=3", "did you mean trainer.max_steps"),
        ("optim.lr=3", "did you mean optim.optimizer.lr"),
        ("zzzz=3", "zzzz"),
        ("data=1.5", "must be a string or a list. Got float"),
        ("trainer.max_steps=" + "9" * 5000, "limit (4300 digits)"),
        ("threads=1.5", "threads=1.5: expected a whole number from 1"),
        ("threads=0", "threads=0: expected a whole number from 1"),
        ("seed=x", "seed='x': expected a whole number from 0"),
    ],
)
def test_overrides_of_training_that_cannot_be_used_cost_one_line(capsys, override, suggestion):
    assert main(["train", "debug=overfit", override]) == 2
    error = capsys.readouterr().err
    assert suggestion in error and error.count("\n") == 1


EXTRAS = ("demo", "heic", "spark", "engines")


def test_no_license_forbids_use():
    found = list(licenses(EXTRAS))
    kinds = {part.kind for part in found}
    assert kinds == {"package", "font", "text", "model", "training data"}
    assert {"torch", "numpy", "pillow"} <= {part.name.split(" ")[0] for part in found}
    assert [part for part in found if not part.usable] == []


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("Apache-2.0", True),
        ("LGPL-3.0", True),
        ("OFL-1.1", True),
        ("public domain; production CC0 1.0", True),
        ("", False),
        ("AGPL-3.0-only", False),
        ("GNU Affero General Public License v3", False),
        ("CC BY-NC 4.0", False),
        ("CC-BY-NC-SA-4.0", False),
        ("free for non-commercial use", False),
    ],
)
def test_licenses_that_forbid_use(text, usable):
    assert License("font", "a", text).usable == usable


def test_tested_versions_are_those_that_are_needed():
    """`constraints.txt` names a version of each package that the project needs, within its bounds."""
    lines = (Path(ocr.__file__).parents[1] / "constraints.txt").read_text().splitlines()
    tested = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            tested[name] = version
    for text in metadata.requires("handwriting-reader"):
        requirement = Requirement(text)
        assert requirement.specifier.contains(tested[requirement.name]), text


@pytest.mark.parametrize(
    ("command", "given", "spins"),
    [("read", None, SPINS), ("read", "7", "7"), ("train", None, None)],
)
def test_threads_wait_briefly_unless_told_otherwise(monkeypatch, command, given, spins):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if given:
        monkeypatch.setenv("GOMP_SPINCOUNT", given)
    main([command, "--help"])
    assert os.environ.get("GOMP_SPINCOUNT") == spins
