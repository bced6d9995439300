"""What an engine offers to be measured, and how it is found by its name."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from ocr.decoding import Hypothesis
from ocr.errors import ConfigError
from ocr.evaluation import engines
from ocr.inference.recognizer import LineReader
from ocr.types import TextLine

OURS = "ours"
"""The engine that reads with a bundle."""


@dataclass(frozen=True)
class Machine:
    """What an engine runs on: the device, and how many threads it may use; None leaves that to the engine."""

    device: torch.device
    threads: int | None = None


class LineEngine(Protocol):
    """Reads line images. `title` names it in tables; `about` is what reports keep: versions, models, settings."""

    title: str
    about: dict[str, Any]

    def read_lines(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """images: uint8, (h, w) gray or (h, w, 3) RGB, of any size. One reading each, in order.

        An image that the engine cannot cope with is an empty reading: all engines are scored on the same lines.
        """
        ...


@runtime_checkable
class PageEngine(LineEngine, Protocol):
    """Finds the lines of pages too. An engine that does not is given the lines that our detector finds."""

    def read_page(self, image: np.ndarray) -> list[TextLine]:
        """image: uint8 (h, w, 3) RGB. Lines with outline, text and confidence, in the engine's own order."""
        ...


class PageReader(Protocol):
    """What is scored: the lines of a page in reading order, with text or without."""

    def __call__(self, image: np.ndarray) -> Sequence[TextLine]:
        """image: uint8 (h, w, 3) RGB."""
        ...


@dataclass(frozen=True)
class Contestant:
    """One row of the table: `lines` reads lines, or `page` reads pages; `about` goes into the report."""

    title: str
    lines: LineReader | LineEngine | None = None
    page: PageReader | None = None
    with_text: bool = True
    about: dict[str, Any] = field(default_factory=dict)


def engine_names() -> list[str]:
    """Every engine that can be asked for."""
    return sorted(
        (m.name for m in pkgutil.iter_modules(engines.__path__)), key=lambda name: (name != OURS, name)
    )


def load_engine(name: str, machine: Machine, options: Mapping[str, Any]) -> LineEngine:
    """The engine of the file `engines/NAME.py`, ready to read; `options` are those of its function `load`.

    Raises:
        ConfigError: a package, program or model that it needs is missing, or an option is wrong.
    """
    return import_module(f"{engines.__name__}.{name}").load(machine, **options)


@contextmanager
def packages_of(name: str) -> Iterator[None]:
    """Import inside of this what the engine `name` needs. Raises ConfigError where a package is missing."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"engine={name}: {error.name or error} is not installed, it comes with `uv sync --extra engines`"
        ) from error
