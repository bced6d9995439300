"""How far a page lies askew, from its pixels alone."""

from __future__ import annotations

import cv2
import numpy as np

LONGER_SIDE = 512
"""Longer side in pixels of the picture that is looked at: enough to tell lines from the space between them."""

MAX_DEGREES = 40.0
"""Degrees either way up to which a page counts as askew; beyond, it may as well lie on its side."""

STEP_DEGREES = 1.5
"""Degrees between the angles that are tried."""

MIN_DEGREES = 4.0
"""Degrees under which a page counts as straight: its lines are found as well."""

MIN_CONTRAST = 2.0
"""How many times sharper the lines must stand out along a slope than along the level."""


def page_skew(image: np.ndarray) -> float:
    """Degrees clockwise on screen by which the lines of a page uint8 (h, w[, 3]) slope; 0 where that is little.

    The ink is summed along parallel lines of each slope; along that of the writing, full and empty sums alternate
    most sharply (Postl, Detection of linear oblique structures and skew scan in digitized documents, 1986).
    """
    ink = _ink(image)
    y, x = np.nonzero(ink > 0.7)
    if len(y) == 0:
        return 0.0
    weight = ink[y, x]
    y, x = y - ink.shape[0] / 2, x - ink.shape[1] / 2
    # One step beyond the range, so that a peak at its end can be told from a rise towards something else.
    angles = np.arange(-MAX_DEGREES - STEP_DEGREES, MAX_DEGREES + 1.5 * STEP_DEGREES, STEP_DEGREES)
    angles -= angles[np.abs(angles).argmin()]
    sharpness = np.array([_sharpness(x, y, weight, angle) for angle in np.radians(angles)])
    best = int(sharpness.argmax())
    level = float(sharpness[np.abs(angles).argmin()])
    if not MIN_DEGREES <= abs(angles[best]) <= MAX_DEGREES or sharpness[best] < MIN_CONTRAST * level:
        return 0.0
    return float(angles[best])


def _ink(image: np.ndarray) -> np.ndarray:
    """(h, w) float32: how far each pixel of a small picture lies from its surroundings, in their deviations."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, LONGER_SIDE / max(grey.shape))
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    away = np.abs(grey - cv2.blur(grey, (15, 15)))
    deviation = np.sqrt(np.maximum(cv2.blur(away**2, (61, 61)), 0)) + 4
    return np.minimum(away / deviation, 2)


def _sharpness(x: np.ndarray, y: np.ndarray, weight: np.ndarray, slope: float) -> float:
    """Summed squares of the differences between neighbouring sums along lines of a slope in radians."""
    across = y * np.cos(slope) - x * np.sin(slope)
    sums = np.bincount((across - across.min()).astype(np.int64), weight)
    return float((np.diff(cv2.GaussianBlur(sums[:, None], (1, 5), 1.0)[:, 0]) ** 2).sum())
