"""Shares of named sources in a mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import TypeVar

import numpy as np

from ocr.errors import ConfigError

Source = TypeVar("Source", bound=Sized)


def shared_out(
    sources: Mapping[str, Source | None], weights: Mapping[str, float | None] | None
) -> tuple[dict[str, Source], np.ndarray]:
    """Select the sources in use and scale their weights to sum to 1.

    Args:
        sources: by name; None leaves a source out.
        weights: by the same names; 0 or None leaves a source out. None altogether: the number of items of each.
    Returns:
        The sources in use, in the order of `sources`, and their shares (n,) float64.
    Raises:
        ConfigError: no source is in use, one of them is empty, names differ, or a weight is no number >= 0.
    """
    present = {name: source for name, source in sources.items() if source is not None}
    if weights is None:
        weights = {name: len(source) for name, source in present.items()}
    if unknown := [name for name in weights if name not in sources]:
        raise ConfigError(
            f"weights: no source {', '.join(unknown)}; there are {', '.join(sources) or 'none'}"
        )
    if missing := [name for name in present if name not in weights]:
        raise ConfigError(f"weights: none for the source {', '.join(missing)}")
    for name, weight in weights.items():
        if weight is not None and not 0 <= weight < np.inf:
            raise ConfigError(f"weights: {name}={weight}, expected a finite number >= 0")
    used = {name: source for name, source in present.items() if weights[name]}
    if not used:
        raise ConfigError("a mixture needs at least one source with a weight above 0")
    for name, source in used.items():
        if not len(source):
            raise ConfigError(f"the source {name} is empty but has weight {weights[name]}")
    shares = np.array([weights[name] for name in used], np.float64)
    return used, shares / shares.sum()
