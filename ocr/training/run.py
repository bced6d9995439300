"""The steps around a training run: where to resume, what to start from, what to ship."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ocr.bundle import Bundle
from ocr.errors import ConfigError


def find_checkpoint(run_dir: str | Path, resume: str | None) -> Path | None:
    """The checkpoint to resume from.

    Args:
        resume: None starts anew; `auto` takes the newest checkpoint of the run, if there is one; else a path.
    Raises:
        ConfigError: the path does not exist.
    """
    if resume is None:
        return None
    if resume == "auto":
        found = sorted(Path(run_dir).glob("checkpoints/*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
        return found[-1] if found else None
    if not Path(resume).is_file():
        raise ConfigError(f"resume={resume}: no such checkpoint")
    return Path(resume)


def start_from(model: nn.Module, name_or_dir: str, part_configs: dict[str, dict[str, Any]]) -> None:
    """Copy a bundle's weights into `model`, in place.

    Raises:
        BundleError: unknown bundle. ConfigError: its tokenizers or sizes are not those of this run.
    """
    bundle = Bundle.load(name_or_dir)
    for key, config in bundle.part_configs.items():
        if "tokenizer" in key and config != part_configs.get(key):
            raise ConfigError(f"init_from={name_or_dir}: its {key} is not the one configured for this run")
    try:
        model.load_state_dict(bundle.model.state_dict())
    except RuntimeError as error:
        detail = str(error).splitlines()[1:2] or [str(error)]
        raise ConfigError(f"init_from={name_or_dir}: {detail[0].strip()}") from error


def export(bundle: Bundle, folder: str | Path, *, checkpoint: str | Path | None) -> Path:
    """Write the bundle with the (averaged) weights of a Lightning checkpoint, or with those it holds if None."""
    if checkpoint:
        state = torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"]
        prefix = "model."
        bundle.model.load_state_dict(
            {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        )
    return bundle.save(folder)


def keep_freed_memory() -> None:
    """Ask glibc to keep freed memory instead of returning it to the system.

    Activations are large and live for one step; mapping and clearing them anew each step costs a fifth of the
    time of training on a CPU. Does nothing where the C library is not glibc.
    """
    if os.name != "posix":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 2**28)
