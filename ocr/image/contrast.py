"""Contrast of line images, which decides whether their colors are looked at."""

from __future__ import annotations

import cv2
import numpy as np

LOW_CONTRAST = 64
"""Gray levels in a line below which its colors are looked at."""


def contrast_of(gray: np.ndarray) -> int:
    """Return the gray levels between the darkest and the lightest hundredth of an image, uint8 (h, w)."""
    counts = cumulative(gray)
    low, high = np.searchsorted(counts, np.array((0.01, 0.99)) * counts[-1]).tolist()
    return high - low


def cumulative(gray: np.ndarray) -> np.ndarray:
    """Return (256,) numbers of pixels at or below each gray level."""
    return np.cumsum(cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel().astype(np.int64))
