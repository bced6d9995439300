"""Settings of detection: their defaults, and the order in which a bundle and the user replace them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ocr.settings import BaseSettings, setting

WORDS = "words"
"""Key of a bundle's settings for word maps, which are not as sure as the line map."""

WORD_MAPS = "word_maps"
"""Key of a bundle: false where it was trained on lines alone."""


@dataclass(frozen=True)
class DetectionSettings(BaseSettings):
    """Thresholds of detection, and the scale at which a page is looked at.

    A new threshold is a field here and a line in `configs/infer.yaml`.

    Raises:
        ConfigError: a value is out of range.
    """

    width: int | None = setting(None, low=32, high=8192)
    """Pixels that a page's width is scaled to; None: its longer side as in training, with further looks for
    larger and smaller writing."""
    text_threshold: float = setting(0.7, low=0, high=1)
    """Probability that the surest part of a word or line must reach."""
    link_threshold: float = setting(0.4, low=0, high=1)
    """Probability that the core of a line or, without the refiner, the link between characters must exceed."""
    low_text: float = setting(0.4, low=0, high=1)
    """Probability that the edge of a word must exceed; words only."""
    size_threshold: float = setting(-1.0)
    """Shortest line in pixels of the scaled page, or fewest cells of a word; below 0: by the page's text height."""
    with_refiner: bool = setting(True)
    """Lines from the refiner's line map; False: words, chained to lines by geometry."""


def for_bundle(
    decoding: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[DetectionSettings, DetectionSettings]:
    """Settings for the line map and for the word maps of a detector bundle.

    Args:
        decoding: the bundle's `decoding`, whose values replace the defaults.
        given: the user's values, which replace those of the bundle; None leaves a value.
    Raises:
        ConfigError: a setting is unknown, or a value is not allowed.
    """
    stored = {key: value for key, value in decoding.items() if key not in (WORDS, WORD_MAPS)}
    lines = DetectionSettings().updated(**stored)
    words = lines.updated(**decoding.get(WORDS, {}))
    return lines.updated(**given), words.updated(**given)
