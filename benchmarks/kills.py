"""Kill training, reading and conversion at random moments, go on, and check that nothing is lost or damaged.

    python benchmarks/kills.py --kills 50
    python benchmarks/kills.py --task reading --kills 10 --seed 3

Training and reading are each done once without disturbance, and then again with kills (SIGKILL, SIGTERM, SIGINT) at
moments drawn from the time that they need once they have begun to work, each followed by `resume`, until they end.
After each kill the bundle on disk has to load, and every file of a source that counts as read has to be whole. In the
end, weights and results have to equal those of the undisturbed run, byte by byte. A converted Parquet file has to be
whole whenever it is there. Exit status: 0, or 1 where anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from ocr.bundle import Bundle
from ocr.errors import OcrError
from ocr.output.resume import FILE as READ_LOG
from tests.fuzz import samples

SIGNALS = (signal.SIGKILL,) * 3 + (signal.SIGTERM, signal.SIGINT)
STATUSES = {signal.SIGKILL: (-9,), signal.SIGTERM: (143, -15), signal.SIGINT: (130, -2)}

TRAIN = [
    "train",
    "debug=overfit",
    "trainer.max_steps=24",
    "trainer.val_check_interval=6",
    "trainer.precision=32",
    "callbacks.checkpoint.every=4",
    "callbacks.pictures=null",
    "callbacks.progress=null",
    "logger.tensorboard=null",
    "threads=1",
]
SHARES = {"training": 0.4, "reading": 0.4, "conversion": 0.2}
"""Of the kills, by command."""

TIMES = re.compile(rb"<(Created|LastChange)>[^<]*</")
PICTURES = 40
FORMATS = "txt,json,draw,pdf,alto,page,hocr,tsv,html"


@dataclass
class Task:
    """A command that is killed, and how to see that it has begun, what it left, and what it made in the end."""

    name: str
    command: list[str]
    begun: Path
    """Exists as soon as the command works."""
    check: Callable[[], None]
    """Raises AssertionError or OcrError for anything that is damaged."""
    result: Callable[[], dict[str, bytes]]
    seconds: float = 0.0
    """From `begun` to the end, without disturbance."""
    problems: list[str] = field(default_factory=list)


def main() -> int:
    """Run the program; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50, help="over all commands")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--task", choices=SHARES, help="this command alone, with all of the kills")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = Path(folder, "whole"), Path(folder, "cut")
        recognizer = _inputs(Path(folder))
        for name, share in SHARES.items():
            if options.task not in (None, name):
                continue
            make, share = MAKERS[name], 1.0 if options.task else share
            undisturbed = make(whole, recognizer)
            seconds = _undisturbed(undisturbed)
            task = make(cut, recognizer)
            task.seconds = seconds
            _kill(task, kills=max(1, round(share * options.kills)), rng=rng)
            if task.result() != undisturbed.result():
                task.problems.append("the end result differs from that of the undisturbed run")
            print(f"{task.name}: {len(task.problems)} problems", flush=True)
            for problem in task.problems:
                print(f"  {problem}")
            failed |= bool(task.problems)
    return 1 if failed else 0


def _inputs(folder: Path) -> Path:
    """Write pictures with labels, and a recognizer to read them; returns the recognizer's folder."""
    (folder / "pictures").mkdir()
    rng = np.random.default_rng(0)
    labels = []
    for number in range(PICTURES):
        image = np.full((40, 600), 255, np.uint8)
        for x in rng.integers(0, 580, 40):
            image[8:30, x : x + 4] = rng.integers(0, 120)
        Image.fromarray(image).save(folder / "pictures" / f"{number:02d}.png")
        labels.append(f"{number:02d}.png\tab {number}\n")
    (folder / "pictures" / "labels.tsv").write_text("".join(labels))
    return samples.recognizer(folder / "recognizer")


def _training(folder: Path, recognizer: Path) -> Task:
    run = folder / "run"

    def check() -> None:
        if (run / "bundle" / "bundle.json").exists():
            Bundle.load(run / "bundle")

    def result() -> dict[str, bytes]:
        return {"weights": (run / "bundle" / "model.safetensors").read_bytes()}

    return Task("training", [*TRAIN, f"run_dir={run}", "resume=auto"], run / ".lock", check, result)


def _reading(folder: Path, recognizer: Path) -> Task:
    output = folder / "read"
    command = ["read", str(recognizer.parent / "pictures"), f"recognizer={recognizer}", "detector=none"]
    command += ["decode=ctc", f"output={output}", f"formats={FORMATS}", "resume=true"]

    def check() -> None:
        log = output / READ_LOG
        lines = [text for text in (log.read_text() if log.exists() else "").split("\n") if text.endswith("]")]
        for name in (json.loads(line)[0] for line in lines):
            content = json.loads((output / f"{name}.json").read_text())
            assert content["source"], name
            assert (output / f"{name}.ocr.pdf").read_bytes().rstrip().endswith(b"%%EOF"), name
            Image.open(output / f"{name}.draw.png").load()

    def result() -> dict[str, bytes]:
        files = (path for path in output.iterdir() if not path.name.startswith("."))
        # PAGE XML holds the time at which it was written.
        return {path.name: TIMES.sub(b"", path.read_bytes()) for path in files}

    return Task("reading", command, output, check, result)


def _conversion(folder: Path, recognizer: Path) -> Task:
    folder.mkdir(exist_ok=True)
    file = folder / "lines.parquet"
    command = ["to-parquet", "folder", str(recognizer.parent / "pictures"), "--output", str(file)]

    def check() -> None:
        assert not file.exists() or pq.read_table(file).num_rows == PICTURES

    def result() -> dict[str, bytes]:
        return {"rows": str(pq.read_table(file).to_pylist()).encode()}

    return Task("conversion", command, folder, check, result)


MAKERS = {"training": _training, "reading": _reading, "conversion": _conversion}


def _start(task: Task) -> subprocess.Popen:
    command = [sys.executable, "-m", "ocr", *task.command]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _wait_until_begun(task: Task, process: subprocess.Popen, since: float) -> None:
    """Return when the command has touched its folder after `since`, or has ended."""
    while process.poll() is None:
        if task.begun.exists() and (task.name == "conversion" or task.begun.stat().st_mtime > since):
            return
        time.sleep(0.01)


def _undisturbed(task: Task) -> float:
    process = _start(task)
    _wait_until_begun(task, process, time.time())
    start = time.monotonic()
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{task.name}: ends with {process.returncode}\n{errors[-2000:]}")
    task.check()
    return time.monotonic() - start


def _kill(task: Task, *, kills: int, rng: random.Random) -> None:
    """Kill and resume a command so many times, anew where it has come to its end, then let it end."""
    done, ended = 0, 0
    while done < kills:
        process = _start(task)
        _wait_until_begun(task, process, time.time())
        try:
            # A quarter of the time of the whole: each restart goes on where the last one was killed.
            process.wait(rng.uniform(0, max(0.25 * task.seconds, 0.5)))
            ended += 1
        except subprocess.TimeoutExpired:
            number = rng.choice(SIGNALS)
            process.send_signal(number)
            process.wait()
            done += 1
            if process.returncode not in (*STATUSES[number], 0):
                task.problems.append(
                    f"{number.name}: status {process.returncode}: {process.stderr.read()[-800:]}"
                )
        try:
            task.check()
        except (AssertionError, OcrError, OSError, ValueError) as error:
            task.problems.append(f"kill {done}: {type(error).__name__}: {error}")
        process.stderr.close()
    process = _start(task)
    _, errors = process.communicate()
    if process.returncode:
        task.problems.append(f"does not go on: status {process.returncode}: {errors[-800:]}")
    print(f"{task.name}: {done} kills, {ended} runs that ended before", flush=True)


if __name__ == "__main__":
    sys.exit(main())
