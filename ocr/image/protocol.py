"""Protocol of the preprocessors that bundles name: line crops to tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ocr.types import ImageBatch


class Preprocessor(Protocol):
    """Scaling of line crops to the height of a recognizer, and padding of lines to a batch."""

    height: int
    """Pixels of every line after preprocessing."""

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Preprocess a crop, uint8 (h, w) or (h, w, 3). Raises ImageError for any other array."""
        ...

    def columns(self, height: float, width: float) -> int:
        """Return the pixel columns that a crop of (height, width) fills; only their ratio counts."""
        ...

    def max_crop_width(self, height: int) -> int | None:
        """Return the width up to which a crop of `height` pixels is not squeezed; None for a fixed width."""
        ...

    def batch(self, lines: Sequence[np.ndarray]) -> ImageBatch:
        """Pad outputs of `__call__` to a batch. Raises ImageError for no lines, or for other arrays."""
        ...

    def config(self) -> dict[str, Any]:
        """Return the `_target_` dict that rebuilds this preprocessor."""
        ...
