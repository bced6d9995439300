"""Reading and checking of `bundle.json`, which may come from anyone."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from ocr.bundle.arguments import check_arguments, fits, hint_text, shown
from ocr.bundle.files import CHECKSUM, DESCRIPTION, read_weights, write_description
from ocr.bundle.legacy import current
from ocr.decoding import Autoregressive, Rescoring, SearchSettings, get_decoder
from ocr.decoding.calibration import Calibration, Logistic
from ocr.decoding.script import ScriptTest
from ocr.detection.settings import WORD_MAPS, WORDS, DetectionSettings
from ocr.errors import BundleError, ConfigError

FORMAT = 1
KINDS = ("recognizer", "detector", "encoder")
MAX_BYTES = 64 << 20
"""Size of `bundle.json`; the tokenizers of the largest published models fill 5 MB."""
MAX_DEPTH = 32
MAX_INTEGER = 2**53
"""The largest number up to which JSON readers agree."""

FIELDS: dict[str, Any] = {
    "kind": str,
    "name": str,
    "version": str,
    "description": dict,
    "metrics": dict,
    "training_data": list,
    "decoding": dict,
    "model_config": dict,
    "part_configs": dict,
    CHECKSUM: str,
}
NEEDED = ("kind", "name", "model_config")

_STRATEGIES = {
    "ctc_beam": SearchSettings,
    "greedy": Autoregressive,
    "beam": Autoregressive,
    "rescore": Rescoring,
}


def read_description(folder: Path) -> dict[str, Any]:
    """Read the `bundle.json` of a folder as it stands there, with types and ranges of its fields checked.

    Raises:
        BundleError: unreadable, or a field is unknown, missing, or of another type. One line that names the file.
    """
    path = folder / DESCRIPTION
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BundleError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(f"{path}: not readable JSON ({error})") from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or brackets nested thousands deep.
        raise BundleError(f"{path}: not readable JSON ({type(error).__name__})") from error
    return named(path, _checked, content)


def named(path: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function`; its BundleError or ConfigError becomes a BundleError that names `path`."""
    try:
        return function(*arguments)
    except (BundleError, ConfigError) as error:
        raise BundleError(f"{path}: {error}") from error


def update_description(folder: Path, **fields: Any) -> None:
    """Replace fields of a `bundle.json` in one step; the SHA-256 of the weights is added where it is missing.

    Raises:
        BundleError: the bundle is damaged, a field is not valid, or the file cannot be written.
    """
    content = read_description(folder) | fields
    if CHECKSUM not in content:
        content[CHECKSUM] = hashlib.sha256(read_weights(folder, None)).hexdigest()
    named(folder / DESCRIPTION, _checked, content)
    try:
        write_description(folder, content)
    except OSError as error:
        raise BundleError(f"{folder / DESCRIPTION}: cannot be written ({error.strerror})") from error


def _checked(content: Any) -> dict[str, Any]:
    """Return `content` if it is a description of a bundle."""
    _check_values(content)
    if not isinstance(content, dict):
        raise BundleError(f"expected an object, got {shown(content)}")
    version = content.get("format")
    if version != FORMAT or isinstance(version, bool):
        raise BundleError(f"format {shown(version)}, expected {FORMAT}")
    if missing := [key for key in NEEDED if key not in content]:
        raise BundleError(f"lacks {', '.join(missing)}")
    if unknown := sorted(content.keys() - FIELDS.keys() - {"format"}):
        raise BundleError(f"unknown field {shown(unknown[0])}")
    for key, value in content.items():
        if key in FIELDS and not isinstance(value, FIELDS[key]):
            raise BundleError(f"{key}: expected {_JSON_NAMES[FIELDS[key]]}, got {shown(value)}")
    if content["kind"] not in KINDS:
        raise BundleError(f"kind {shown(content['kind'])} is not one of {', '.join(KINDS)}")
    if not content["name"].isprintable() or not 1 <= len(content["name"]) <= 200:
        raise BundleError(f"name: expected 1 to 200 printable characters, got {shown(content['name'])}")
    for index, row in enumerate(content.get("training_data", [])):
        if not isinstance(row, dict) or any(isinstance(value, dict) for value in row.values()):
            raise BundleError(f"training_data.{index}: expected an object of text, got {shown(row)}")
    _check_decoding(content["kind"], current(content).get("decoding", {}))
    return content


_JSON_NAMES = {str: "text", dict: "an object", list: "a list"}


def _check_values(content: Any) -> None:
    """Refuse what JSON libraries differ on or cannot write again: depth, numbers that are not finite, bad text."""
    stack = [(content, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise BundleError(f"nested more than {MAX_DEPTH} deep")
        if isinstance(value, dict):
            stack += [(item, depth + 1) for item in (*value, *value.values())]
        elif isinstance(value, list):
            stack += [(item, depth + 1) for item in value]
        elif isinstance(value, float) and not math.isfinite(value):
            raise BundleError(f"{value} is not a number")
        elif isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise BundleError(f"{shown(value)} is larger than {MAX_INTEGER}")
        elif isinstance(value, str):
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise BundleError(f"{shown(value)} is not Unicode text") from None


def _check_decoding(kind: str, decoding: Mapping[str, Any]) -> None:
    """Check the settings of decoding that the readers know; they ignore others."""
    if kind == "detector":
        hints = get_type_hints(DetectionSettings)
        _check_types(decoding, {**hints, WORD_MAPS: bool, WORDS: hints}, "decoding")
        for given in (decoding, decoding.get(WORDS, {})):
            DetectionSettings().updated(**{key: value for key, value in given.items() if key in hints})
    if kind == "recognizer":
        _check_types(decoding, {"strategy": str, "options": {}, "calibration": {}, "script": {}}, "decoding")
        if "script" in decoding:
            ScriptTest.from_config(decoding["script"])
        _check_strategies(decoding)


def _check_strategies(decoding: Mapping[str, Any]) -> None:
    """Check the options and the calibrations of strategies by building both."""
    options, calibrations = decoding.get("options", {}), decoding.get("calibration", {})
    for name, given in options.items():
        at = f"decoding.options.{shown(name)}"
        _check_types(given, {}, at)
        if name in _STRATEGIES:
            check_arguments(_STRATEGIES[name], given, at, partial=True)
            if given.get("beams", 1) < 1:
                raise BundleError(f"{at}.beams: {given['beams']} is less than 1")
            get_decoder(name, options={name: given})
    for name, given in calibrations.items():
        _check_types(given, {"character": {}, "word": {}}, f"decoding.calibration.{shown(name)}")
        for unit, weights in given.items():
            check_arguments(Logistic, weights, f"decoding.calibration.{shown(name)}.{shown(unit)}")
        Calibration.from_config(given)
    if "strategy" in decoding:
        get_decoder(decoding["strategy"], options={})


def _check_types(value: Any, schema: Mapping[str, Any], at: str) -> None:
    """Check that `value` is an object whose known keys have the types of `schema`, nested objects included."""
    if not isinstance(value, Mapping):
        raise BundleError(f"{at}: expected an object, got {shown(value)}")
    for key, expected in schema.items():
        if key not in value:
            continue
        if isinstance(expected, Mapping):
            _check_types(value[key], expected, f"{at}.{key}")
        elif not fits(value[key], expected):
            raise BundleError(f"{at}.{key}: {shown(value[key])} is not {hint_text(expected)}")
