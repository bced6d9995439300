"""Weight files of other projects, read without running code in them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ocr.errors import WeightsError

NESTED = ("state_dict", "model", "module")
"""Keys under which training programs store the weights."""

DAMAGED = (
    *(SafetensorError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError),
    *(AssertionError, struct.error),
)
"""Exceptions of the libraries for truncated or changed files, found by tests of such files."""

# torch.load raises this one for content that `weights_only` refuses.
Refused = torch.serialization.pickle.UnpicklingError


class Weights:
    """Named tensors of a file, each of which can be taken once, so that unused ones can be detected.

    Args:
        path: the file, for messages. tensors: by name.
    """

    def __init__(self, path: Path, tensors: dict[str, torch.Tensor]) -> None:
        self.path = path
        self._tensors = tensors

    @classmethod
    def read(cls, path: str | Path) -> Weights:
        """Read a file of safetensors or `torch.save` in float32 on the CPU; code in it is never run.

        Raises:
            WeightsError: missing, unreadable, or no dictionary of tensors.
        """
        path = Path(path)
        try:
            content = load_file(path) if path.suffix == ".safetensors" else _load_pickled(path)
        except OSError as error:
            raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
        except DAMAGED as error:
            raise WeightsError(f"{path}: not a file of weights ({_first_line(error)})") from error
        except Refused as error:
            raise WeightsError(
                f"{path}: holds more than weights, or no weights at all; not loaded"
            ) from error
        for key in NESTED:
            if isinstance(content, dict) and isinstance(content.get(key), dict):
                content = content[key]
        if not isinstance(content, dict) or not content:
            raise WeightsError(f"{path}: holds no weights by name but {type(content).__name__}")
        odd = [key for key, value in content.items() if not isinstance(value, torch.Tensor)]
        if odd:
            raise WeightsError(f"{path}: {odd[0]!r} is no tensor but {type(content[odd[0]]).__name__}")
        floats = {
            key: value.float() if value.is_floating_point() else value for key, value in content.items()
        }
        return cls(path, floats)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def names(self) -> list[str]:
        """List the names that were not taken yet."""
        return list(self._tensors)

    def take(self, name: str) -> torch.Tensor:
        """Take the tensor called `name`. Raises WeightsError if there is none."""
        if name not in self._tensors:
            raise WeightsError(f"{self.path}: lacks {name}; not an architecture that can be converted")
        return self._tensors.pop(name)

    def join(self, names: Sequence[str], *, dim: int = 0) -> torch.Tensor:
        """Take several tensors, concatenated. Raises WeightsError if their shapes do not match."""
        try:
            return torch.cat([self.take(name) for name in names], dim=dim)
        except RuntimeError as error:
            raise WeightsError(f"{self.path}: {names[0]} and its like differ in size") from error

    def ignore(self, *parts: str) -> None:
        """Remove all tensors with one of `parts` in their name."""
        for name in self.names():
            if any(part in name for part in parts):
                del self._tensors[name]

    def without(self, prefix: str) -> Weights:
        """Return the weights with `prefix` removed from all names, where all have it."""
        if not all(name.startswith(prefix) for name in self._tensors):
            return self
        return Weights(self.path, {name.removeprefix(prefix): value for name, value in self._tensors.items()})

    def rest(self) -> dict[str, torch.Tensor]:
        """Take all remaining tensors."""
        rest, self._tensors = self._tensors, {}
        return rest

    def finish(self) -> None:
        """Check that no tensor is left. Raises WeightsError otherwise, as the architecture is another one."""
        if self._tensors:
            name = next(iter(self._tensors))
            raise WeightsError(
                f"{self.path}: {name} (one of {len(self._tensors)}) has no place in this architecture"
            )


def _load_pickled(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
