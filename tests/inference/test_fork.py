"""A process that has read forks, as `multiprocessing` does on Linux: the child reads as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
import numpy as np, torch
from ocr.inference.reader import Reader

torch.set_num_threads(4)
reader = Reader.from_pretrained(sys.argv[1], None)
lines = [np.random.default_rng(0).integers(0, 255, (64, 4000, 3)).astype(np.uint8)] * 16
texts = [line.text for line in reader.recognizer.read(lines)]
child = os.fork()
if child == 0:
    os._exit(0 if [line.text for line in reader.recognizer.read(lines)] == texts else 3)
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        sys.exit(os.waitstatus_to_exitcode(status))
    time.sleep(0.05)
os.kill(child, 9)
sys.exit("the child does not end")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_reads_after_its_parent_has(tiny_recognizer):
    command = [sys.executable, "-c", PROGRAM, str(tiny_recognizer)]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
