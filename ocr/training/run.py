"""The steps around a training run: where to resume, what to start from, how memory is kept."""

from __future__ import annotations

import copy
import ctypes
import logging
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ocr.bundle import Bundle
from ocr.bundle.registry import build
from ocr.errors import BundleError, ConfigError
from ocr.training.encoder_start import start_encoder


def check_paths(data: str, missing: Iterable[str]) -> None:
    """Raises ConfigError where `data`, a configuration as YAML, refers to one of the `missing` keys: ${key}."""
    for key in sorted(key for key in missing if f"${{{key}}}" in data):
        raise ConfigError(f"this data is not part of the project: say where it is with {key}=PATH")


def prepare(*, threads: int | None, seed: int) -> None:
    """Set up the process: its threads (None: as many as PyTorch takes), the seed of the weights, memory."""
    keep_freed_memory()
    # Lightning reports on accelerators it did not find and on products.
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)


def build_parts(configs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """All parts of a run by name, the tokenizers among them, and their sizes.

    Raises:
        BundleError: one of them cannot be built.
    """
    parts = {key: build(config) for key, config in configs.items()}
    tokenizers = {key: part for key, part in parts.items() if "tokenizer" in key}
    return parts, tokenizers, {key: part.size for key, part in tokenizers.items()}


def trainable(model: nn.Module) -> nn.Module:
    """A copy to train, with convolutions in the memory layout that is fastest on CPUs."""
    return copy.deepcopy(model).to(memory_format=torch.channels_last)


def run_folder(path: str | Path) -> Path:
    """The folder of a run, made if need be. Raises ConfigError where it cannot be."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"run_dir={path}: cannot be made ({error.strerror})") from error
    return Path(path)


def find_checkpoint(run_dir: str | Path, resume: str | None, *, module: nn.Module) -> Path | None:
    """The checkpoint to resume from.

    Args:
        resume: None starts anew; `auto` takes the newest complete checkpoint of the run, if there is one; else
            a path.
        module: what it will be loaded into.
    Raises:
        ConfigError: the path is not a checkpoint, or it was made with another model.
    """
    if resume is None:
        return None
    if resume == "auto":
        found = sorted(Path(run_dir).glob("checkpoints/*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
        # A run that was killed while it wrote leaves a file without the index at its end.
        path = next((path for path in reversed(found) if zipfile.is_zipfile(path)), None)
        if path is None:
            return None
    else:
        path = Path(resume)
        if not zipfile.is_zipfile(path):
            raise ConfigError(f"resume={resume}: no such checkpoint, or an incomplete one")
    saved = torch.load(path, map_location="meta", weights_only=False)["state_dict"]
    mine = module.state_dict()
    for key in [*mine, *saved]:
        if key not in saved or key not in mine or saved[key].shape != mine[key].shape:
            raise ConfigError(f"resume={path}: made with another model or tokenizer ({key} differs)")
    return path


def inherited(init_from: str | None, *, kind: str, inherit: bool) -> dict[str, Any]:
    """What the bundle that a run starts from decides of its configuration, by dotted key; nothing unless `inherit`.

    Raises:
        ConfigError: there is no bundle to inherit from. BundleError: it is unknown or of another kind.
    """
    if not inherit:
        return {}
    if init_from is None:
        raise ConfigError("inherit=true needs a bundle to inherit from: init_from=BUNDLE")
    start = Bundle.load(init_from, kind=kind)
    return {
        "model": start.model_config,
        "preprocess": start.parts["preprocess"].config(),
        "task.parts": start.part_configs,
        "task.decoding": start.decoding,
    }


def new_bundle(
    kind: str,
    name: str,
    model_config: dict[str, Any],
    parts: Mapping[str, Any],
    *,
    init_from: str | None = None,
    training_data: Sequence[dict[str, str]] = (),
) -> Bundle:
    """A bundle that training fills; with `init_from` it starts with that bundle's weights, those of the encoder
    alone if that is a bundle of an encoder.

    Args:
        parts: objects stored beside the model, each with a `config()`.
        training_data: what the run adds to what the weights of `init_from` were trained on.
    Raises:
        BundleError: `init_from` is unknown, or the model cannot be built.
        ConfigError: its tokenizers or sizes are not those of this run.
    """
    configs = {key: part.config() for key, part in parts.items()}
    bundle = Bundle(kind, name, build(model_config), model_config, configs, training_data=list(training_data))
    if init_from is None:
        return bundle
    start = Bundle.load(init_from)
    if (start.kind, kind) == ("encoder", "recognizer"):
        start_encoder(bundle.model.encoder, start, named=init_from)
    elif start.kind != kind:
        raise BundleError(f"bundle {init_from!r} is a {start.kind}, not a {kind}")
    else:
        _load_all(bundle, start, init_from)
    added = [row for row in training_data if row not in start.training_data]
    bundle.training_data = [*start.training_data, *added]
    return bundle


def _load_all(bundle: Bundle, start: Bundle, init_from: str) -> None:
    """Copy all weights of `start`. Raises ConfigError if its tokenizers or sizes are others."""
    for key, config in start.part_configs.items():
        if "tokenizer" in key and config != bundle.part_configs.get(key):
            raise ConfigError(f"init_from={init_from}: its {key} is not the one configured for this run")
    try:
        bundle.model.load_state_dict(start.model.state_dict())
    except RuntimeError as error:
        detail = str(error).splitlines()[1:2] or [str(error)]
        raise ConfigError(f"init_from={init_from}: {detail[0].strip()}") from error


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
