"""Construction of models and their parts from `{"_target_": "ocr.models.vit.ViT", ...}` dicts.

The same dicts are what Hydra composes, so a model has one description everywhere. Hydra imports any dotted path;
a bundle comes from strangers, so `build` looks names up in a table and imports nothing. A class is in the table
because a line below puts it there, or because the user's own code calls `register`.
"""

from __future__ import annotations

import base64
import importlib.metadata
import re
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ocr.bundle.arguments import check_arguments, fits, hints_of, parameters_of, shown
from ocr.errors import BundleError, ConfigError, one_line
from ocr.image.fixed_size import FixedSizePreprocessor
from ocr.image.page_preprocess import PagePreprocessor
from ocr.image.preprocess import LinePreprocessor
from ocr.models.backbones.light import LightUNet
from ocr.models.backbones.timm_unet import TimmUNet
from ocr.models.backbones.vgg16_bn import Vgg16Bn
from ocr.models.decoder import TransformerDecoder
from ocr.models.detector import Detector, LineRefiner, LinkRefiner
from ocr.models.recognizer import Recognizer
from ocr.models.trocr_decoder import TrocrDecoder
from ocr.models.vit import ViT
from ocr.nn.patch_embed import ConvStem, LinearPatchEmbed
from ocr.nn.position import ConditionalPosition, LearnedPosition, SinusoidPosition
from ocr.text.byte_bpe import ByteBpeTokenizer
from ocr.text.ngram import CharNgram
from ocr.text.tokenizer import CharTokenizer, SentencePieceTokenizer
from ocr.text.xlm_roberta import XlmRobertaTokenizer

ROLES = (
    "recognizer",
    "detector",
    "encoder",
    "patch_embed",
    "position",
    "decoder",
    "backbone",
    "refiner",
    "preprocess",
    "tokenizer",
    "ngram",
)
"""Places that an object can have in a bundle."""

ENTRY_POINTS = "ocr.buildable"
"""Group of entry points of installed packages; each names a module that calls `register`."""

PARTS = {
    "preprocess": "preprocess",
    "ctc_tokenizer": "tokenizer",
    "tokenizer": "tokenizer",
    "ngram": "ngram",
}
"""Parts beside the model, and their roles."""

REFUSALS = (
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    LookupError,
    AssertionError,
    OSError,
    MemoryError,
)
"""Errors with which constructors refuse values that have the right types."""


@dataclass(frozen=True)
class Buildable:
    """A class that may be built, with the roles of the arguments that hold built objects."""

    cls: type
    parts: Mapping[str, str] = field(default_factory=dict)
    files: Collection[str] = ()
    """Arguments that may name a file, or hold its content in Base64."""

    @property
    def target(self) -> str:
        """Dotted name, as it stands under `_target_`."""
        return f"{self.cls.__module__}.{self.cls.__qualname__}"


_REGISTRY: dict[str, dict[str, Buildable]] = {role: {} for role in ROLES}


def register(
    cls: type, *, role: str, parts: Mapping[str, str] | None = None, files: Collection[str] = ()
) -> None:
    """Allow bundles and configurations to build `cls`. Call it from code that you run, not from data.

    Bundles are loaded by other processes as well (reading, Spark workers), so the call belongs into the module of
    the class, and the package that contains the module names it as an entry point of the group `ocr.buildable`.

    Args:
        cls: a class whose constructor takes plain values (null, bool, int, float, str, and lists of them), which
            are checked against its type hints.
        role: one of `ROLES`, the place where it may stand.
        parts: its arguments that hold built objects themselves, and their roles.
        files: its arguments that may name a file. In a bundle they may name shipped files and those of the working
            folder only, and where the type hint includes bytes, hold the content in Base64.
    Raises:
        ConfigError: not a class, an unknown role or argument, or a constructor with `*args` or `**kwargs`.
    """
    parts = dict(parts or {})
    if not isinstance(cls, type):
        raise ConfigError(f"register({cls!r}): only classes can be built")
    unknown = sorted({role, *parts.values()} - set(ROLES))
    if unknown:
        raise ConfigError(f"register({cls.__name__}): unknown role {unknown[0]!r}; one of {', '.join(ROLES)}")
    parameters = parameters_of(cls)
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters.values()):
        raise ConfigError(f"register({cls.__name__}): the arguments must be named, not *args or **kwargs")
    if missing := sorted(parts.keys() - parameters.keys()):
        raise ConfigError(f"register({cls.__name__}): no argument {missing[0]!r}")
    entry = Buildable(cls, parts, files)
    _REGISTRY[role][entry.target] = entry


def registered() -> Iterator[tuple[str, Buildable]]:
    """Iterate over (role, class) of everything that can be built."""
    for role, entries in _REGISTRY.items():
        for entry in entries.values():
            yield role, entry


def build(config: Any, role: str | None = None, *, at: str = "config", stranger: bool = False) -> Any:
    """Build the object that a `_target_` dict describes, with the objects nested in it.

    Args:
        config: `_target_` and the arguments, plain values or, where the class says so, `_target_` dicts.
        role: place that the class must be registered for; None for any.
        at: name of the place for messages, such as `model_config.encoder`.
        stranger: the configuration may come from anyone, and must not make the program read files.
    Raises:
        BundleError: the class is not registered for `role`, an argument is unknown, missing or of another type,
            or the constructor refuses the values. One line that begins with `at`.
    """
    entry = _find(config, role, at)
    arguments = _arguments(
        entry, {key: value for key, value in config.items() if key != "_target_"}, at, stranger
    )
    try:
        return entry.cls(**arguments)
    except REFUSALS as error:
        raise BundleError(
            f"{at}: {entry.cls.__name__} refuses its configuration: {one_line(error)}"
        ) from error


def build_parts(
    configs: Mapping[str, Any], *, at: str = "part_configs", stranger: bool = False
) -> dict[str, Any]:
    """Build the parts beside a model, each in its role.

    Raises:
        BundleError: as `build`, or a part that is none of `PARTS`.
    """
    for key in configs:
        if key not in PARTS:
            raise BundleError(f"{at}: unknown part {shown(key)}; one of {', '.join(PARTS)}")
    return {
        key: build(config, PARTS[key], at=f"{at}.{key}", stranger=stranger) for key, config in configs.items()
    }


def _find(config: Any, role: str | None, at: str) -> Buildable:
    """Return the registered class that `config` names."""
    if not isinstance(config, Mapping):
        raise BundleError(f"{at}: expected an object with _target_, got {shown(config)}")
    target = config.get("_target_")
    if not isinstance(target, str):
        raise BundleError(f"{at}: _target_ must be the name of a class, got {shown(target)}")
    roles = ROLES if role is None else (role,)
    entry = _lookup(target, roles)
    if entry is None:
        _load_entry_points()
        entry = _lookup(target, roles)
    if entry is None:
        known = ", ".join(sorted(e.cls.__name__ for name in roles for e in _REGISTRY[name].values()))
        raise BundleError(f"{at}: refusing to build {shown(target)}: not one of {known}")
    return entry


def _lookup(target: str, roles: Sequence[str]) -> Buildable | None:
    return next((_REGISTRY[role][target] for role in roles if target in _REGISTRY[role]), None)


@cache
def _load_entry_points() -> None:
    """Import the modules that installed packages offer; once, and only when a name is unknown."""
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            point.load()
        except ImportError as error:
            raise ConfigError(
                f"entry point {point.value} of {ENTRY_POINTS} cannot be imported: {error}"
            ) from error


def _arguments(entry: Buildable, given: Mapping[str, Any], at: str, stranger: bool) -> dict[str, Any]:
    """Check the arguments of a class and build the objects among them."""
    plain = {key: value for key, value in given.items() if key not in entry.parts}
    check_arguments(entry.cls, plain, at, partial=True)
    parameters, hints = parameters_of(entry.cls), hints_of(entry.cls)
    if missing := [key for key, p in parameters.items() if p.default is p.empty and key not in given]:
        raise BundleError(f"{at}: {entry.cls.__name__} lacks {', '.join(missing)}")
    arguments = dict(given)
    # In the order of the configuration: new weights are drawn from one random generator.
    for key in [key for key in given if key in entry.parts]:
        if not (given[key] is None and fits(None, hints.get(key, Any))):
            arguments[key] = build(given[key], entry.parts[key], at=f"{at}.{key}", stranger=stranger)
    for key in entry.files if stranger else ():
        if isinstance(given.get(key), str) and not _FILE_NAME.fullmatch(given[key]):
            arguments[key] = _content(given[key], hints.get(key, Any), f"{at}.{key}")
    return arguments


_FILE_NAME = re.compile(r"[\w-]{1,100}\.\w{1,20}")
"""Name of a file without a folder. Base64 has no dots."""


def _content(text: str, hint: Any, at: str) -> bytes:
    """Decode Base64. Raises BundleError for other text, and where the hint takes no bytes."""
    with suppress(ValueError):
        if bytes in typing.get_args(hint):
            return base64.b64decode(text, validate=True)
    raise BundleError(f"{at}: {shown(text)} is a file in a folder, which a bundle must not name")


for _class, _role, _parts in (
    (Recognizer, "recognizer", {"encoder": "encoder", "decoder": "decoder"}),
    (Detector, "detector", {"backbone": "backbone", "refiner": "refiner"}),
    (ViT, "encoder", {"patch_embed": "patch_embed", "position": "position"}),
    (ConvStem, "patch_embed", {}),
    (LinearPatchEmbed, "patch_embed", {}),
    (SinusoidPosition, "position", {}),
    (LearnedPosition, "position", {}),
    (ConditionalPosition, "position", {}),
    (TransformerDecoder, "decoder", {}),
    (TrocrDecoder, "decoder", {}),
    (LightUNet, "backbone", {}),
    (Vgg16Bn, "backbone", {}),
    (TimmUNet, "backbone", {}),
    (LineRefiner, "refiner", {}),
    (LinkRefiner, "refiner", {}),
    (LinePreprocessor, "preprocess", {}),
    (FixedSizePreprocessor, "preprocess", {}),
    (PagePreprocessor, "preprocess", {}),
    (CharTokenizer, "tokenizer", {}),
    (SentencePieceTokenizer, "tokenizer", {}),
    (XlmRobertaTokenizer, "tokenizer", {}),
    (ByteBpeTokenizer, "tokenizer", {}),
    (CharNgram, "ngram", {}),
):
    _files = {SentencePieceTokenizer: ("model",), XlmRobertaTokenizer: ("model",), CharNgram: ("file",)}
    register(_class, role=_role, parts=_parts, files=_files.get(_class, ()))
