"""Estimation of the skew of a page from its pixels."""

from __future__ import annotations

import cv2
import numpy as np

from ocr.image.page_preprocess import framed_side

LONGER_SIDE = 512
"""Longer side in pixels to which the page, or a part of a strip, is reduced: enough to tell lines
from the space between them."""

MAX_DEGREES = 40.0
"""Largest skew in degrees, in either direction; beyond it, a page may as well be turned by a quarter."""

STEP_DEGREES = 1.5
"""Step in degrees between the angles that are tried."""

MIN_DEGREES = 4.0
"""Skew in degrees below which a page counts as straight, as its lines are detected equally well."""

MIN_CONTRAST = 2.0
"""Ratio of sharpness along the slope to that along the horizontal from which a page counts as skewed."""


def page_skew(image: np.ndarray) -> float:
    """Estimate the skew of a page by projection profiles.

    The ink is summed along parallel lines of each slope; along that of the writing, full and empty sums alternate
    most sharply (Postl, Detection of linear oblique structures and skew scan in digitized documents, 1986).

    Args:
        image: uint8 (h, w) gray or (h, w, 3) RGB.
    Returns:
        Degrees clockwise on screen by which the lines slope; 0 for a small or uncertain skew.
    """
    ink = _ink(image)
    y, x = np.nonzero(ink > 0.7)
    if len(y) == 0:
        return 0.0
    weight = ink[y, x]
    y, x = y - ink.shape[0] / 2, x - ink.shape[1] / 2
    # One step beyond the range, so that a peak at its end can be told from a rise that continues beyond it.
    angles = np.arange(-MAX_DEGREES - STEP_DEGREES, MAX_DEGREES + 1.5 * STEP_DEGREES, STEP_DEGREES)
    angles -= angles[np.abs(angles).argmin()]
    sharpness = np.array([_sharpness(x, y, weight, angle) for angle in np.radians(angles)])
    best = int(sharpness.argmax())
    level = float(sharpness[np.abs(angles).argmin()])
    if not MIN_DEGREES <= abs(angles[best]) <= MAX_DEGREES or sharpness[best] < MIN_CONTRAST * level:
        return 0.0
    return float(angles[best])


def _ink(image: np.ndarray) -> np.ndarray:
    """Compute the ink of a reduced page, (h, w) float32: local contrast in local standard deviations, at most 2."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, LONGER_SIDE / framed_side(gray.shape))
    size = max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale))
    gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    away = np.abs(gray - cv2.blur(gray, (15, 15)))
    deviation = np.sqrt(np.maximum(cv2.blur(away**2, (61, 61)), 0)) + 4
    return np.minimum(away / deviation, 2)


def _sharpness(x: np.ndarray, y: np.ndarray, weight: np.ndarray, slope: float) -> float:
    """Sum the squared differences between neighboring sums along lines of a slope in radians."""
    across = y * np.cos(slope) - x * np.sin(slope)
    sums = np.bincount((across - across.min()).astype(np.int64), weight)
    return float((np.diff(cv2.GaussianBlur(sums[:, None], (1, 5), 1.0)[:, 0]) ** 2).sum())
