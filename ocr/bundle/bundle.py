"""A model as users hold it: a folder with `model.safetensors` and a readable `bundle.json`, nothing pickled.

`bundle.json` stores how to build the model and its parts (tokenizers, preprocessing), decoding defaults, what
it was trained on under which licence, its metrics and the version of the code. `evaluate` and `infer` take a
bundle and nothing else about a model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as deserialize
from safetensors.torch import save as serialize
from torch import nn

from ocr.bundle.files import CHECKSUM, DESCRIPTION, read_weights, weights_file, write_bundle
from ocr.bundle.hub import HubName, fetch
from ocr.bundle.legacy import current
from ocr.bundle.registry import build, build_parts
from ocr.bundle.schema import FORMAT, KINDS, named, read_description
from ocr.bundle.uninitialized import NoInitialization
from ocr.errors import BundleError

WEIGHTS = Path(__file__).parents[1] / "weights"
MAX_BUFFER_BYTES = 256 << 20
"""Tables that a model computes instead of storing; the largest published models have 3 MiB."""


def available() -> list[str]:
    """Names of the bundles that come with the package."""
    return sorted(path.parent.name for path in WEIGHTS.glob("*/bundle.json"))


def resolve(name_or_dir: str | Path, *, to_write: bool = False) -> Path:
    """The folder of a bundle given by name, by path, or as `USER/NAME` of the Hugging Face hub (`ocr.bundle.hub`).

    A name of the hub is downloaded, unless there is a folder of that path, or a folder USER.

    Args:
        to_write: the folder is to be changed, which a copy from the hub must not be.
    Raises:
        BundleError: it is neither a shipped name, nor a folder with a `bundle.json`, nor a bundle of the hub.
    """
    text = str(name_or_dir)
    for candidate in (WEIGHTS / text, Path(text)):
        if (candidate / DESCRIPTION).is_file():
            return candidate
    name = HubName.parse(text)
    if name is not None and not Path(text).parent.is_dir():
        if to_write:
            raise BundleError(f"{text}: a bundle of the hub is not changed here; save it in a folder first")
        return fetch(name)
    raise BundleError(
        f"unknown bundle {text!r}: not a folder with a bundle.json, nor one of "
        f"{', '.join(available()) or 'the shipped bundles (none)'}"
    )


@dataclass
class Bundle:
    """A trained model with all that is needed to use it.

    `model_config` and each of `part_configs` are `_target_` dicts for `ocr.bundle.registry.build`; `parts` are the
    built objects (for a recognizer: `preprocess`, `ctc_tokenizer`, `tokenizer`). `training_data` rows hold `name`,
    `licence`, `use` and `note`; `metrics` maps a set's name to its measured numbers.
    """

    kind: str
    name: str
    model: nn.Module
    model_config: dict[str, Any]
    part_configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    decoding: dict[str, Any] = field(default_factory=dict)
    training_data: list[dict[str, str]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    """Free facts for the model card: languages, licence of the weights, limits, how it was trained."""
    version: str = "0.1.0"
    parts: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    """Folder that it was loaded from."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BundleError(f"bundle {self.name!r}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if not self.parts:
            self.parts = build_parts(self.part_configs, stranger=True)

    @classmethod
    def load(cls, name_or_dir: str | Path, *, kind: str | None = None) -> Bundle:
        """Read a bundle; the model comes back in float32, in evaluation mode, on the CPU.

        Raises:
            BundleError: unknown name, unreadable or mismatched files, or not of the wanted `kind`.
        """
        folder = resolve(name_or_dir)
        content, state = _read(folder)
        if kind is not None and content["kind"] != kind:
            raise BundleError(f"bundle {str(name_or_dir)!r} is a {content['kind']}, not a {kind}")
        content = {key: value for key, value in current(content).items() if key not in ("format", CHECKSUM)}
        path = folder / DESCRIPTION
        named(path, _check_size, content, state, folder)
        with NoInitialization():
            model = named(path, partial(build, content["model_config"], content["kind"], at="model_config"))
        model.load_state_dict(state)
        return named(path, partial(cls, model=model.eval(), folder=folder, **content))

    def save(self, folder: str | Path, *, half: bool = True) -> Path:
        """Write the bundle, or replace the one in `folder`; float weights as fp16 unless `half` is False.

        A reader, or a crash at any moment, meets the old bundle or the new one, never parts of both.

        Returns:
            The folder.
        Raises:
            BundleError: the folder cannot be written.
        """
        folder = Path(folder)
        state = {
            key: (value.half() if half and value.is_floating_point() else value).contiguous().cpu()
            for key, value in self.model.state_dict().items()
        }
        write_bundle(folder, self._content(), serialize(state))
        return folder

    def _content(self) -> dict[str, Any]:
        """Return what `bundle.json` holds, but for the checksum."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "metrics": self.metrics,
            "training_data": self.training_data,
            "decoding": self.decoding,
            "model_config": self.model_config,
            "part_configs": self.part_configs,
        }

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weight.numel() for weight in self.model.parameters())

    def to(self, device: torch.device | str) -> Bundle:
        """Move the model to a device, in place."""
        self.model.to(device)
        return self


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read the description of a bundle and its weights, floats as float32."""
    while True:
        content = read_description(folder)
        digest = content.get(CHECKSUM)
        try:
            weights = read_weights(folder, digest)
            break
        except BundleError:
            # Another process may have replaced the bundle between the two.
            if read_description(folder) == content:
                raise
    try:
        state = deserialize(weights)
    except SafetensorError as error:
        raise BundleError(f"{weights_file(folder, digest)}: cannot be read ({error})") from error
    return content, {
        key: value.float() if value.is_floating_point() else value for key, value in state.items()
    }


def _check_size(content: dict[str, Any], state: dict[str, torch.Tensor], folder: Path) -> None:
    """Compare the described model with the weights before any memory is spent on it."""
    try:
        with torch.device("meta"), NoInitialization():
            model = build(content["model_config"], content["kind"], at="model_config")
    except BundleError as error:
        if isinstance(error.__cause__, NotImplementedError):
            return  # A class of a user's own that reads values of its tensors: only the size stays unchecked.
        raise
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    for key in [*expected, *found]:
        if expected.get(key) != found.get(key):
            raise BundleError(
                f"does not match its weights ({key} is {found.get(key, 'missing')} there, "
                f"{expected.get(key, 'unknown')} here)"
            )
    size = sum(buffer.nbytes for buffer in model.buffers())
    if size > MAX_BUFFER_BYTES:
        raise BundleError(f"model_config: tables of {size >> 20} MiB, more than {MAX_BUFFER_BYTES >> 20}")
