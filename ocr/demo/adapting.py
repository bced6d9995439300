"""Adaptation of the recognizer to checked lines: a training run in a process of its own, and the readers it gives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr.bundle import Bundle
from ocr.bundle.bundle import resolve
from ocr.demo.corrections import FolderCounts
from ocr.demo.worker import Worker
from ocr.errors import BundleError, OcrError
from ocr.inference.reader import Reader
from ocr.inference.recognizer import LineReader

IDLE, RUNNING, FINISHED, BROKEN, STOPPED = "idle", "running", "done", "failed", "stopped"
"""States of an adaptation."""

FOLDER = "adapted"
"""Folder of the runs, in the folder of corrections: each has a folder with a number."""

_LINE_BYTES = 1 << 20


@dataclass
class AdaptingProgress:
    """State of the newest run; error rates in percent of characters, None until they are measured."""

    state: str = IDLE
    step: int = 0
    steps: int = 0
    before: float | None = None
    after: float | None = None
    message: str = ""


class Adapting:
    """At most one run at a time on the lines in the folder of corrections, and the choice of recognizers.

    Args:
        worker: reads with the chosen recognizer; its reader when the server starts is the first choice.
        counts: counts of the lines in the folder.
        start: bundle of that reader's recognizer, a shipped name or a folder; every run starts from it.
    """

    def __init__(self, worker: Worker, counts: FolderCounts, start: str | Path) -> None:
        self.worker = worker
        self.counts = counts
        self.start_bundle = start
        self.folder = counts.folder / FOLDER
        self.progress = AdaptingProgress()
        self.original = worker.reader
        self.chosen = ""
        """Name of the run whose recognizer reads; empty: the original."""
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Start a run. Raises OcrError where one is running, or there is too little to learn from."""
        if self.progress.state == RUNNING:
            raise OcrError("the recognizer is being adapted already")
        found = self.counts.count()
        if found.damaged:
            raise OcrError(
                f"damaged, to be removed first: {', '.join(found.damaged)} in {self.counts.folder}"
            )
        if not found.enough:
            raise OcrError("there are too few checked lines to learn from")
        self.progress = AdaptingProgress(RUNNING)
        self._process = None
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Stop the run, if there is one, and wait for its end."""
        if self.progress.state != RUNNING or self._task is None:
            return
        self.progress.state = STOPPED
        self.kill()
        await asyncio.wait([self._task])

    def kill(self) -> None:
        """End the processes of the run at once; a bundle that it has written stays."""
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                # With the processes that make its lines.
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def runs(self) -> list[str]:
        """Return the names of the runs that have written a bundle, the newest first."""
        found = [path.parent.parent.name for path in self.folder.glob("*/bundle/bundle.json")]
        return sorted((name for name in found if name.isdecimal()), key=int, reverse=True)

    def load(self, name: str) -> Reader:
        """Load the reader with the recognizer of a run, or the original one for an empty name.

        Raises:
            OcrError: there is no such run. BundleError: its bundle is damaged.
        """
        if not name:
            return self.original
        if name not in self.runs():
            raise OcrError(f"there is no adapted recognizer {name[:40]!r}")
        before = self.original.recognizer
        recognizer = LineReader(
            Bundle.load(self.folder / name / "bundle", kind="recognizer"),
            device=before.device,
            decode=before.decode,
            batch_size=before.batch_size,
        )
        return self.original.changed(recognizer=recognizer)

    async def choose(self, name: str) -> None:
        """Read with the recognizer of a run from now on. Raises OcrError and BundleError as `load`."""
        self.worker.reader = await asyncio.to_thread(self.load, name)
        self.chosen = name

    async def _run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        names = [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]
        name = str(max(names, default=0) + 1)
        # Its own session: Ctrl-C in the terminal is for the server, which ends the run.
        self._process = await asyncio.create_subprocess_exec(
            *command(
                self.counts.pattern, self.folder / name, start=str(resolve(self.start_bundle).resolve())
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
            limit=_LINE_BYTES,
            start_new_session=True,
        )
        if self.progress.state == STOPPED:
            # While its process was being started.
            self.kill()
        errors = asyncio.ensure_future(self._process.stderr.read())
        async for line in self._process.stdout:
            self._take(line)
        status = await self._process.wait()
        if self.progress.state == STOPPED:
            return
        if status:
            text = (await errors).decode("utf-8", "replace").strip().splitlines()
            self.progress.message = (
                text[-1] if text else f"the run ended with status {status}"
            ).removeprefix("error: ")
            self.progress.state = BROKEN
            return
        try:
            if self._improved():
                await self.choose(name)
            self.progress.state = FINISHED
        except BundleError as error:
            self.progress.state, self.progress.message = BROKEN, str(error)

    def _improved(self) -> bool:
        before, after = self.progress.before, self.progress.after
        return before is None or after is None or after < before

    def _take(self, line: bytes) -> None:
        """Take a line that the run has printed."""
        try:
            fields = json.loads(line)["progress"]
        except (ValueError, KeyError, TypeError):
            return
        for name in ("step", "steps", "before", "after"):
            setattr(self.progress, name, fields[name])


def command(lines: str, run_dir: Path, *, start: str) -> list[str]:
    """Return the command of a run on the files that match a pattern."""
    overrides: dict[str, Any] = {
        "experiment": "adapt",
        "data.path": lines,
        "init_from": start,
        "run_dir": str(run_dir),
        "logger.tensorboard": None,
        # Only the bundle is kept; a run of minutes is not resumed.
        "callbacks.checkpoint": None,
        "callbacks.pictures": None,
        "callbacks.progress": None,
        "+callbacks.told": {"_target_": "ocr.demo.progress.JsonProgress"},
    }
    return [
        sys.executable,
        "-m",
        "ocr",
        "train",
        *(f"{key}={_quoted(value)}" for key, value in overrides.items()),
    ]


def _quoted(value: Any) -> str:
    """Format a value for the grammar of Hydra, in which a key and a string in quotes may hold anything."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_quoted(each)}" for key, each in value.items()) + "}"
    if value is None:
        return "null"
    if value == "adapt":
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
