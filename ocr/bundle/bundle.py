"""A model as users hold it: a folder with `model.safetensors` and a readable `bundle.json`, nothing pickled.

`bundle.json` stores how to build the model and its parts (tokenizers, preprocessing), decoding defaults, what
it was trained on under which licence, its metrics and the version of the code. `evaluate` and `infer` take a
bundle and nothing else about a model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ocr.bundle.legacy import current
from ocr.bundle.registry import build, build_parts
from ocr.errors import BundleError

WEIGHTS = Path(__file__).parents[1] / "weights"
FORMAT = 1
KINDS = ("recognizer", "detector", "encoder")


def available() -> list[str]:
    """Names of the bundles that come with the package."""
    return sorted(path.parent.name for path in WEIGHTS.glob("*/bundle.json"))


def resolve(name_or_dir: str | Path) -> Path:
    """The folder of a bundle given by name or by path.

    Raises:
        BundleError: it is neither a shipped name nor a folder with a `bundle.json`.
    """
    for candidate in (WEIGHTS / str(name_or_dir), Path(name_or_dir)):
        if (candidate / "bundle.json").is_file():
            return candidate
    raise BundleError(
        f"unknown bundle {str(name_or_dir)!r}: not a folder with a bundle.json, nor one of "
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

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BundleError(f"bundle {self.name!r}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if not self.parts:
            self.parts = build_parts(self.part_configs)

    @classmethod
    def load(cls, name_or_dir: str | Path, *, kind: str | None = None) -> Bundle:
        """Read a bundle; the model comes back in float32, in evaluation mode, on the CPU.

        Raises:
            BundleError: unknown name, unreadable or mismatched files, or not of the wanted `kind`.
        """
        folder = resolve(name_or_dir)
        try:
            content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise BundleError(f"{folder / 'bundle.json'}: not readable JSON ({error})") from error
        if content.get("format") != FORMAT:
            raise BundleError(
                f"{folder / 'bundle.json'}: format {content.get('format')!r}, expected {FORMAT}"
            )
        missing = {"kind", "name", "model_config"} - content.keys()
        if missing:
            raise BundleError(f"{folder / 'bundle.json'}: lacks {', '.join(sorted(missing))}")
        if kind is not None and content["kind"] != kind:
            raise BundleError(f"bundle {str(name_or_dir)!r} is a {content['kind']}, not a {kind}")
        content.pop("format")
        unknown = content.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise BundleError(f"{folder / 'bundle.json'}: unknown fields {', '.join(sorted(unknown))}")
        content = current(content)
        model = build(content["model_config"], content["kind"], at="model_config")
        weights = folder / "model.safetensors"
        try:
            state = {
                key: value.float() if value.is_floating_point() else value
                for key, value in load_file(weights).items()
            }
            model.load_state_dict(state)
        except (OSError, SafetensorError) as error:
            raise BundleError(f"{weights}: cannot be read ({error})") from error
        except RuntimeError as error:
            first = str(error).splitlines()[1:2] or [str(error)]
            raise BundleError(f"{weights}: does not match bundle.json ({first[0].strip()})") from error
        return cls(model=model.eval(), **content)

    def save(self, folder: str | Path, *, half: bool = True) -> Path:
        """Write the bundle; float weights as fp16 unless `half` is False. Returns the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            key: (value.half() if half and value.is_floating_point() else value).contiguous().cpu()
            for key, value in self.model.state_dict().items()
        }
        save_file(state, folder / "model.safetensors")
        content = {
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
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / "bundle.json").write_text(text + "\n", encoding="utf-8")
        return folder

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weight.numel() for weight in self.model.parameters())

    def to(self, device: torch.device | str) -> Bundle:
        """Move the model to a device, in place."""
        self.model.to(device)
        return self
