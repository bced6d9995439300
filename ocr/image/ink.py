"""Ink on a page, whatever it shows."""

from __future__ import annotations

import cv2
import numpy as np

LONGER_SIDE = 1024
"""Longer side in pixels to which a picture is reduced: enough for a thin stroke to stand out."""

CONTRAST = 24.0
"""Gray levels by which ink differs from its surroundings; more than the grain and the shading of paper."""

MIN_SHARE = 1e-4
"""Share of a picture that ink must cover: a short word on a large sheet."""


def has_ink(image: np.ndarray) -> bool:
    """Return True unless a picture, uint8 (h, w) or (h, w, 3), is blank: an even or softly shaded surface."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, LONGER_SIDE / max(gray.shape))
    size = max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale))
    gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    away = np.abs(cv2.GaussianBlur(gray, (0, 0), 1.0) - cv2.GaussianBlur(gray, (0, 0), 15.0))
    return float((away > CONTRAST).mean()) > MIN_SHARE
