"""`ocr demo`: what cannot be started says so in one line."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from ocr.commands.demo import main
from ocr.demo.scratch import remove_stale


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


ENDLESS = """
import os, pathlib, time
def read_sheet(*_):
    pathlib.Path(os.environ["READING"]).touch()
    time.sleep(1e6)
"""

SERVER = """
import sys, endless, ocr.demo.worker
ocr.demo.worker.read_sheet = endless.read_sheet
from ocr.commands.demo import main
sys.exit(main(["--port", "0"]))
"""


def test_the_command_serves_the_page_until_it_is_stopped_even_while_it_reads(tmp_path):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    killed = tmp_path / "tmp" / "ocr-demo-killed"
    killed.mkdir(parents=True)
    (killed / ".lock").touch()
    (killed / "scan.jpg").touch()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "endless.py").write_text(ENDLESS)
    reading = tmp_path / "reading"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{root}{os.pathsep}{tmp_path / 'code'}",
        "TMPDIR": str(tmp_path / "tmp"),
        "READING": str(reading),
    }
    command = [sys.executable, "-c", SERVER]
    (tmp_path / "work").mkdir()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path / "work",
        env=environment,
    ) as server:
        try:
            address = server.stdout.readline().split()[1]
            assert address.startswith("http://127.0.0.1:")
            assert "<title>" in httpx.get(address).text
            assert not killed.exists(), "the scans of a server that was killed"
            assert httpx.get(address + "main.js").headers["content-type"].startswith("text/javascript")
            picture = (Path(root) / "examples" / "line.png").read_bytes()
            assert httpx.post(address + "api/files?name=a.png", content=picture).status_code == 201
            while not reading.exists():
                assert server.poll() is None
                time.sleep(0.05)
        finally:
            server.send_signal(2)
        assert server.wait(60) == 0
        assert server.stderr.read() == ""
    assert not list((tmp_path / "work").iterdir()), "nothing is left before anything was checked"
    assert not list((tmp_path / "tmp").iterdir()), "no scans either"


def test_only_folders_of_servers_that_have_ended_are_removed(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    for name in ("ocr-demo-dead", "ocr-demo-alive", "ocr-demo-starting", "other"):
        (tmp_path / name).mkdir()
        if name != "ocr-demo-starting":
            (tmp_path / name / ".lock").touch()
    (tmp_path / "ocr-demo-link").symlink_to(tmp_path / "other")
    (tmp_path / "ocr-demo-file").touch()
    with open(tmp_path / "ocr-demo-alive" / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_stale(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["ocr-demo-alive", "ocr-demo-file", "ocr-demo-link", "ocr-demo-starting", "other"]
