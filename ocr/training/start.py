"""The bundle that a run fills, and what it takes over from the bundle that the run starts from."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ocr.bundle import Bundle
from ocr.bundle.registry import build
from ocr.errors import BundleError, ConfigError
from ocr.models.vit import ViT

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """The bundle whose weights training starts from, and its name as the user gave it."""

    bundle: Bundle
    name: str


def inherited_settings(start: Start | None, *, kind: str, tokenizers: Iterable[str]) -> dict[str, Any]:
    """Collect the settings that a run takes over from its start, by dotted key.

    Args:
        kind: of the run's bundle. tokenizers: names of the tokenizers that a run of this kind may have.
    Raises:
        ConfigError: there is no start. BundleError: it is of another kind.
    """
    if start is None:
        raise ConfigError("inherit=true needs a bundle to inherit from: init_from=BUNDLE")
    bundle = start.bundle
    if bundle.kind != kind:
        raise BundleError(f"bundle {start.name!r} is a {bundle.kind}, not a {kind}")
    configs = bundle.part_configs
    carried = {key: configs[key] for key in tokenizers if key in configs}
    return {
        "model": bundle.model_config,
        "preprocess": bundle.parts["preprocess"].config(),
        "task.tokenizers": carried,
        "task.parts": {key: config for key, config in configs.items() if key not in carried},
        "task.decoding": bundle.decoding,
    }


def new_bundle(
    kind: str,
    name: str,
    model_config: dict[str, Any],
    *,
    parts: Mapping[str, Any],
    tokenizers: Mapping[str, Any],
    start: Start | None = None,
    training_data: Sequence[dict[str, str]] = (),
) -> Bundle:
    """Build the bundle that training fills.

    With `start` it begins with that bundle's weights; with those of the encoder alone if that is a bundle of an
    encoder.

    Args:
        parts: preprocessing and others, stored beside the model, each with a `config()`. tokenizers: stored too.
        training_data: added to the training data of `start`.
    Raises:
        BundleError: the model cannot be built, or `start` is of another kind.
        ConfigError: tokenizers or sizes of `start` are not those of this run.
    """
    configs = {key: part.config() for key, part in {**parts, **tokenizers}.items()}
    bundle = Bundle(kind, name, build(model_config), model_config, configs, training_data=list(training_data))
    if start is None:
        return bundle
    if (start.bundle.kind, kind) == ("encoder", "recognizer"):
        start_encoder(bundle.model.encoder, start)
    elif start.bundle.kind != kind:
        raise BundleError(f"bundle {start.name!r} is a {start.bundle.kind}, not a {kind}")
    else:
        _check_tokenizers(tokenizers, start)
        _copy_weights(bundle.model, start)
    known = start.bundle.training_data
    bundle.training_data = [*known, *(row for row in training_data if row not in known)]
    return bundle


def trainable(model: nn.Module) -> nn.Module:
    """Copy a model for training, with convolutions in the memory layout that is fastest on CPUs."""
    return copy.deepcopy(model).to(memory_format=torch.channels_last)


def start_encoder(encoder: ViT, start: Start) -> None:
    """Copy what `encoder` has in common with the encoder in `start`, in place; log what keeps its new weights.

    Transformer blocks and last norm must be of the same sizes (of more blocks the first are taken). Patches and
    positions may be others; a position table of another grid is resampled bicubically.

    Raises:
        ConfigError: blocks that do not fit.
    """
    heads, start_heads = (model.blocks[0].attn.heads for model in (encoder, start.bundle.model))
    if heads != start_heads:
        raise ConfigError(
            f"init_from={start.name}: its encoder has {start_heads} heads, that of this run {heads}"
        )
    state, given = encoder.state_dict(), start.bundle.model.state_dict()
    _resample_positions(given, state)
    taken = {key: given[key] for key in state if key in given and given[key].shape == state[key].shape}
    kept = [key for key in state if key not in taken]
    for key in kept:
        if key.startswith(("blocks.", "norm.")):
            found = tuple(given[key].shape) if key in given else "none"
            raise ConfigError(
                f"init_from={start.name}: {key} of its encoder is {found}, that of this run {tuple(state[key].shape)}"
            )
    encoder.load_state_dict(state | taken)
    new = sorted({key.partition(".")[0] for key in kept})
    log.info("encoder started from %s; begun anew: %s", start.name, ", ".join(new) or "nothing")


def _resample_positions(given: dict[str, torch.Tensor], state: dict[str, torch.Tensor]) -> None:
    """Bring the position table (1, d, h, w) of `given` to the grid of the one in `state`, in place."""
    table = "position.table"
    if table in state and table in given and state[table].shape[:2] == given[table].shape[:2]:
        grid = state[table].shape[2:]
        given[table] = F.interpolate(given[table], grid, mode="bicubic", align_corners=False)


def _check_tokenizers(tokenizers: Mapping[str, Any], start: Start) -> None:
    """Raise ConfigError where a tokenizer of `start` is not the one of this run, whose outputs would be others."""
    for key, tokenizer in tokenizers.items():
        if start.bundle.part_configs.get(key) != tokenizer.config():
            raise ConfigError(f"init_from={start.name}: its {key} is not the one configured for this run")


def _copy_weights(model: nn.Module, start: Start) -> None:
    """Copy all weights of `start`. Raises ConfigError if its sizes are others."""
    try:
        model.load_state_dict(start.bundle.model.state_dict())
    except RuntimeError as error:
        detail = str(error).splitlines()[1:2] or [str(error)]
        raise ConfigError(f"init_from={start.name}: {detail[0].strip()}") from error
