"""JSON files of a checkpoint folder, and models built from configurations and weights."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ocr.bundle.registry import build
from ocr.errors import BundleError, ConfigError, WeightsError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises WeightsError where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise WeightsError(f"{path}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: not a JSON object")
    return content


def expect(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare settings; raises WeightsError naming `path` where `found` differs from `expected`."""
    for key, value in expected.items():
        if found.get(key, value) != value:
            raise WeightsError(f"{path}: {key} is {found[key]!r}, expected {value!r}")


def filled_model(config: dict[str, Any], state: dict[str, torch.Tensor], path: Path) -> nn.Module:
    """Build the model of a `_target_` dict with the tensors `state`, in evaluation mode.

    Args:
        path: file of the tensors, for messages.
    Raises:
        WeightsError: there is no such model, or names or shapes differ.
    """
    try:
        model = build(config)
        model.load_state_dict(state)
    except (BundleError, ConfigError) as error:
        raise WeightsError(f"{path}: {error}") from error
    except RuntimeError as error:
        # The second line of the message is the first difference; the first line is a heading.
        detail = (str(error).splitlines()[1:2] or [str(error)])[0]
        raise WeightsError(f"{path}: does not fit ({textwrap.shorten(detail, 160)})") from error
    return model.eval()
