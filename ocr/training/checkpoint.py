"""Folder of a run, and the checkpoint that it resumes from."""

from __future__ import annotations

import os
import socket
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from ocr.errors import ConfigError

try:
    import fcntl
except ImportError:
    fcntl = None


def make_run_folder(path: str | Path) -> Path:
    """Create the folder of a run. Raises ConfigError where that is not possible."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"run_dir={path}: cannot be made ({error.strerror})") from error
    return Path(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder, `.lock` with the number of this process, until the end of the block.

    The system releases the lock of a process that died. Without `fcntl` (Windows) there is no lock.

    Raises:
        ConfigError: another process has it.
    """
    if fcntl is None:
        yield
        return
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise ConfigError(f"run_dir={folder}: in use by process {file.read().strip()}") from error
        file.truncate(0)
        file.write(f"{os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def check_free(folder: Path, *, resumes: bool, overwrite: bool) -> None:
    """Protect the bundle that a former run has left in the folder.

    With `overwrite`, its checkpoints are removed, so that `resume=auto` never goes on with them.

    Raises:
        ConfigError: there is one, and this run neither resumes nor may overwrite it.
    """
    if resumes:
        return
    if (folder / "bundle" / "bundle.json").exists() and not overwrite:
        raise ConfigError(
            f"run_dir={folder}: holds the bundle of another run; resume=auto goes on with that run, "
            "overwrite=true replaces it, name=NAME takes another folder"
        )
    if overwrite:
        for path in folder.glob("checkpoints/*.ckpt"):
            path.unlink()


def find_checkpoint(run_dir: str | Path, resume: str | None, *, module: nn.Module) -> Path | None:
    """Find the checkpoint to resume from, None for a new start.

    Args:
        resume: None for a new start; `auto` for the newest complete checkpoint of the run, if there is one; else
            a path.
        module: loads the checkpoint later.
    Raises:
        ConfigError: the path is not a checkpoint, or it was made with another model.
    """
    if resume is None:
        return None
    path = _newest_checkpoint(Path(run_dir)) if resume == "auto" else Path(resume)
    if path is None:
        print(f"resume=auto: no checkpoint in {run_dir}, starting anew", file=sys.stderr)
        return None
    if not zipfile.is_zipfile(path):
        raise ConfigError(f"resume={resume}: no such checkpoint, or an incomplete one")
    _check_same_model(path, module)
    return path


def _newest_checkpoint(run_dir: Path) -> Path | None:
    found = sorted(run_dir.glob("checkpoints/*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    # A run that was killed while it wrote leaves a file without the index at its end.
    return next((path for path in reversed(found) if zipfile.is_zipfile(path)), None)


def _check_same_model(path: Path, module: nn.Module) -> None:
    """Raise ConfigError where the names or shapes of a checkpoint's weights differ from the module's."""
    saved = torch.load(path, map_location="meta", weights_only=False)["state_dict"]
    present = module.state_dict()
    for key in [*present, *saved]:
        if key not in saved or key not in present or saved[key].shape != present[key].shape:
            raise ConfigError(f"resume={path}: made with another model or tokenizer ({key} differs)")
