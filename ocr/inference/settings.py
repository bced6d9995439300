"""Settings of the reader, light enough to be imported before any model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr.settings import BaseSettings, setting

RECOGNIZER = "ocr_small_handwritten"
"""Recognizer bundle that ships with the package."""

DETECTOR = "image_text_detector_v2"
"""Detector bundle that ships with the package."""


@dataclass(frozen=True)
class ReaderSettings(BaseSettings):
    """Bundles of a `Reader` and the way in which it reads.

    Raises:
        ConfigError: a value is out of range or none of the choices.
    """

    recognizer: str | Path = RECOGNIZER
    """Bundle: a shipped name or a folder."""
    detector: str | Path | None = DETECTOR
    """Bundle; None: every image is a single line of text."""
    decode: str | None = None
    """`ctc`, `ctc_beam`, `greedy`, `beam` or `rescore`; None: the recognizer's default."""
    device: str = "auto"
    """`auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1` or `mps`."""
    backend: str = setting("torch", choices=("torch", "onnx", "openvino"))
    """Runs the networks; all but `torch` run files that `ocr export onnx` writes, on the CPU."""
    batch_size: int = setting(16, low=1)
    """Lines read at once."""
    orientation: str = setting("auto", choices=("auto", "keep"))
    """`auto`: a page that reads badly is tried in other positions as well, and read in the best one; `keep`: every
    page is read as it lies."""
    min_confidence: float = setting(0.4, low=0, high=1)
    """Lines read with less are dropped, as no text (of 508 lines of validation pages all had 0.43 and more); 0: all
    lines are kept, without text too."""


DEFAULTS = ReaderSettings()
