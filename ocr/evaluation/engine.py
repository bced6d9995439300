"""Interfaces of engines that can be evaluated, and loading of engines by name."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
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
"""Name of the engine that reads with a bundle."""


@dataclass(frozen=True)
class Machine:
    """The device on which an engine runs, and its number of threads; None leaves it to the engine."""

    device: torch.device
    threads: int | None = None


class LineEngine(Protocol):
    """Interface of engines that read line images.

    `title` is the name in tables; `about` is stored in reports: versions, models, settings.
    """

    title: str
    about: dict[str, Any]

    def read_lines(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Read line images, uint8 (h, w) gray or (h, w, 3) RGB of any size, and return a hypothesis for each.

        An image that the engine cannot process gives an empty text, so that all engines are scored on the same lines.
        """
        ...


@runtime_checkable
class PageEngine(LineEngine, Protocol):
    """Interface of engines that also detect the lines of pages; others get the lines of a detector bundle."""

    def read_page(self, image: np.ndarray) -> list[TextLine]:
        """Read a page, uint8 (h, w, 3) RGB: lines with outline, text and confidence, in the order of the engine."""
        ...


class PageReader(Protocol):
    """Function that finds the lines of a page in reading order, with text or without."""

    def __call__(self, image: np.ndarray) -> Sequence[TextLine]:
        """Find the lines of a page, uint8 (h, w, 3) RGB."""
        ...


@dataclass(frozen=True)
class Contestant:
    """One row of the comparison: `lines` reads lines, or `page` reads pages; `about` is stored in the report."""

    title: str
    lines: LineReader | LineEngine | None = None
    page: PageReader | None = None
    with_text: bool = True
    about: dict[str, Any] = field(default_factory=dict)


def engine_names() -> list[str]:
    """List the names of all engines, `ours` first."""
    return sorted(
        (m.name for m in pkgutil.iter_modules(engines.__path__)), key=lambda name: (name != OURS, name)
    )


def load_engine(name: str, machine: Machine, options: Mapping[str, Any]) -> LineEngine:
    """Load the engine of the file `engines/NAME.py`; `options` are the arguments of its function `load`.

    Raises:
        ConfigError: a package, program or model that it needs is missing, or an option is wrong.
    """
    return engine_loader(name)(machine, **options)


def engine_loader(name: str) -> Callable[..., LineEngine]:
    """Return the function `load` of the file `engines/NAME.py`."""
    return import_module(f"{engines.__name__}.{name}").load


@contextmanager
def packages_of(name: str) -> Iterator[None]:
    """Context for imports that the engine `name` needs. Raises ConfigError where a package is missing."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"engine={name}: {error.name or error} is not installed, it comes with `uv sync --extra engines`"
        ) from error
