"""Checks of plain values from anyone against the type hints of the constructors that they are meant for."""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from ocr.errors import BundleError

MAX_NUMBER = 2**24
"""Largest whole number in a configuration; the largest one in use is a vocabulary of 250,000."""

MAX_NUMBERS = {
    "depth": 512,
    "depths": 512,
    "extra": 512,
    "beams": 1024,
    "candidates": 1024,
    "height": 8192,
    "multiple": 8192,
    "max_side": 32768,
}
"""Smaller limits by argument, where the time or the memory to build or to use an object grows with the number."""

MAX_ITEMS = 64
"""Longest list in a configuration."""


def check_arguments(cls: type, given: Any, at: str, *, partial: bool = False) -> None:
    """Check plain values against the names and the type hints of a constructor.

    Args:
        partial: whether arguments without a default may be missing.
    Raises:
        BundleError: an argument is unknown, missing, of another type, or beyond any use.
    """
    if not isinstance(given, Mapping):
        raise BundleError(f"{at}: expected an object, got {shown(given)}")
    parameters, hints = parameters_of(cls), hints_of(cls)
    if unknown := [str(key) for key in given if key not in parameters]:
        known = ", ".join(parameters) or "nothing"
        raise BundleError(f"{at}: {cls.__name__} does not accept {shown(unknown[0])}; it takes {known}")
    missing = [key for key, p in parameters.items() if p.default is p.empty and key not in given]
    if missing and not partial:
        raise BundleError(f"{at}: {cls.__name__} lacks {', '.join(missing)}")
    for key, value in given.items():
        hint = hints.get(key, Any)
        if not fits(value, hint):
            raise BundleError(f"{at}.{key}: {shown(value)} is not {hint_text(hint)}")
        _check_size(value, MAX_NUMBERS.get(key, MAX_NUMBER), f"{at}.{key}")


def _check_size(value: Any, limit: int, at: str) -> None:
    """Refuse whole numbers beyond `limit`, also in lists, before anything is allocated by them."""
    items = value if isinstance(value, list | tuple) else [value]
    if len(items) > MAX_ITEMS:
        raise BundleError(f"{at}: more than {MAX_ITEMS} values")
    for item in items:
        if isinstance(item, int) and abs(item) > limit:
            raise BundleError(f"{at}: {shown(item)} is larger than {limit}")


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a plain value has the type of a hint; finite numbers only, no objects in lists."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return _plain(value)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in typing.get_args(hint))
    if hint in (None, type(None)):
        return value is None
    if hint is bool or hint is str:
        return isinstance(value, hint)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    kind = origin or hint
    if isinstance(kind, type) and kind in (list, tuple, Sequence, Collection):
        items = [item for item in typing.get_args(hint) if item is not ...]
        return isinstance(value, list | tuple) and all(fits(v, items[0] if items else Any) for v in value)
    return False


def hint_text(hint: Any) -> str:
    """Describe a type hint in a message."""
    options = [option for option in typing.get_args(hint) if option is not bytes] or [hint]
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        options = [hint]
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}
    return " or ".join(names.get(option, "a list of the right values") for option in options)


def _plain(value: Any) -> bool:
    """Tell whether a value is null, a bool, a finite number, text, or a list of them."""
    if isinstance(value, list | tuple):
        return all(_plain(item) for item in value)
    return (
        value is None
        or isinstance(value, bool | int | str)
        or (isinstance(value, float) and math.isfinite(value))
    )


def shown(value: Any) -> str:
    """Quote a value of a bundle, cut to a length that a message can hold."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


@cache
def parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a constructor by name."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    # A class without a constructor of its own has that of `object`, which shows *args and **kwargs.
    return {} if cls.__init__ is object.__init__ else {p.name: p for p in parameters}


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """Return the type hints of a constructor by name."""
    return typing.get_type_hints(cls.__init__)
