"""Folder of a run, and the checkpoint that it resumes from."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import nn

from ocr.errors import ConfigError


def make_run_folder(path: str | Path) -> Path:
    """Create the folder of a run. Raises ConfigError where that is not possible."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"run_dir={path}: cannot be made ({error.strerror})") from error
    return Path(path)


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
