"""The command `ocr`: its list of subcommands, and what is said of a wrong one."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from ocr.commands import COMMANDS, main
from ocr.decoding import DECODERS, get_decoder


def test_the_overview_lists_every_command_without_loading_libraries():
    code = (
        "import sys; from ocr.commands import main; status = main(['--help'])\n"
        "print(status, {'torch', 'numpy', 'hydra', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 set()"
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize(("module", "summary"), COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_has_a_module(module, summary):
    assert find_spec(module) and summary


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    try:
        status = main([name, "--help"])
    except SystemExit as stop:
        status = stop.code
    assert status == 0 and len(capsys.readouterr().out.splitlines()) > 3


def test_an_unknown_command_is_named_with_the_nearest(capsys):
    assert main(["raed"]) == 2
    assert capsys.readouterr().err == "error: unknown command 'raed': did you mean read?\n"


def test_the_former_name_of_rescoring_is_accepted():
    assert "joint" not in DECODERS
    assert type(get_decoder("joint")) is type(get_decoder("rescore"))
