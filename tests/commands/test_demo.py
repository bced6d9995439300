"""`ocr demo`: what cannot be started says so in one line."""

import os
import socket
import subprocess
import sys

import httpx
import pytest

from ocr.commands.demo import main


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        yield str(busy.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "message", "why"),
    [
        (["--port", "TAKEN"], "cannot listen there (Address already in use)\n", "somebody listens there"),
        (["--port", "99999"], "cannot listen there", "no port"),
        (["--host", "0.0.0.0"], "--allow-host NAME", "names that others may use must be known"),
        (["--host", "no such host"], "--allow-host NAME", "not this machine"),
        (["--port", "0", "--recognizer", "nonsense"], "nonsense", "an unknown bundle"),
        (["--port", "0", "--decode", "nonsense"], "nonsense", "an unknown way of decoding"),
        (["--corrections", "/dev/null/x"], "--corrections /dev/null/x: cannot be written to", "no folder"),
        (["--max-pages", "0"], "pages=0: must be a number above 0", "room for nothing"),
    ],
)
def test_what_cannot_be_started_costs_one_line(arguments, message, why, taken, capsys):
    assert main([taken if argument == "TAKEN" else argument for argument in arguments]) == 2, why
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_the_command_serves_the_page_until_it_is_stopped(tmp_path):
    command = [sys.executable, "-m", "ocr", "demo", "--port", "0"]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as server:
        try:
            address = server.stdout.readline().split()[1]
            assert address.startswith("http://127.0.0.1:")
            assert "<title>" in httpx.get(address).text
            assert httpx.get(address + "main.js").headers["content-type"].startswith("text/javascript")
        finally:
            server.send_signal(2)
        assert server.wait(120) == 0
    assert not list(tmp_path.iterdir()), "nothing is left before anything was checked"
