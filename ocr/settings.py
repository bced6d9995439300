"""Settings as frozen dataclasses: each default is written once, then replaced by a bundle's value or the user's."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields, replace
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ocr.errors import ConfigError

Some = TypeVar("Some", bound="BaseSettings")

SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
"""What switches are written as on the command line."""


def setting(
    default: Any, *, low: float | None = None, high: float | None = None, choices: Sequence[str] = ()
) -> Any:
    """Declare a field of `BaseSettings` with its default, the range [low, high] of a number, or its choices."""
    return field(default=default, metadata={"low": low, "high": high, "choices": tuple(choices)})


@dataclass(frozen=True)
class BaseSettings:
    """Base of settings, whose values are checked when an object is made.

    Raises:
        ConfigError: a value is of another type than its field, out of its range or none of its choices.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, _checked(type(self), each, getattr(self, each.name)))

    def updated(self: Some, **given: Any) -> Some:
        """Return a copy with the given values; None leaves the value that there is.

        Raises:
            ConfigError: there is no such setting, or a value is not allowed.
        """
        names = [each.name for each in fields(self)]
        for name in given:
            if name not in names:
                raise ConfigError(f"unknown setting {name!r}: {suggestion(name, names)}")
        return replace(self, **{name: value for name, value in given.items() if value is not None})


def suggestion(name: str, known: Sequence[str], *, kind: str = "settings") -> str:
    """Return the closest of the known names as a question, or all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"{kind} are {', '.join(known)}"


def parse_value(cls: type, name: str, text: str) -> Any:
    """Convert text of the command line to the type of a dataclass's field.

    Numbers and switches are written as usual, `null` is None where that is allowed, lists are divided by commas and
    may stand in brackets, and any other text is taken as it is.

    Raises:
        ValueError: the text is of another type; the message says what is expected.
    """
    kind, optional = field_type(cls, name)
    if optional and text == "null":
        return None
    if kind is bool:
        if text.lower() not in SWITCHES:
            raise ValueError("expected true or false")
        return SWITCHES[text.lower()]
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError as error:
            raise ValueError("expected a whole number" if kind is int else "expected a number") from error
    if get_origin(kind) is tuple:
        inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
        items = [item.strip().strip("'\"") for item in inner.split(",")] if inner.strip() else []
        return tuple(items)
    return text


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def field_type(cls: type, name: str) -> tuple[Any, bool]:
    """Return the type of a dataclass's field without None, and whether None is allowed."""
    kind = _hints(cls)[name]
    kinds = get_args(kind)
    if type(None) not in kinds:
        return kind, False
    others = [each for each in kinds if each is not type(None)]
    return others[0], True


def _checked(cls: type, each: Field, value: Any) -> Any:
    """Return the value of a field, whole numbers converted to fractions where those are declared."""
    kind, optional = field_type(cls, each.name)
    if value is None and optional:
        return None
    if kind is bool and not isinstance(value, bool):
        raise ConfigError(f"{each.name} must be true or false, got {value!r}")
    if kind in (int, float):
        numbers = (int,) if kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers):
            wanted = "a whole number" if kind is int else "a number"
            raise ConfigError(f"{each.name} must be {wanted}, got {value!r}")
        value = kind(value)
    _check_range(each, value)
    return value


def _check_range(each: Field, value: Any) -> None:
    low, high, choices = (each.metadata.get(key) for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ConfigError(f"{each.name}={value}: choose from {', '.join(choices)}")
    if low is None:
        return
    if high is None:
        if not value >= low:
            raise ConfigError(f"{each.name} must be at least {low}, got {value}")
    elif not low <= value <= high:
        raise ConfigError(f"{each.name} must lie between {low} and {high}, got {value}")
