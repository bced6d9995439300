"""Crossed-out words: pen strokes across a box."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ocr.synth.render import Box


@dataclass(frozen=True)
class CrossOutStyle:
    """Ranges of the random strokes."""

    max_strokes: int
    max_points: int
    """Points of the polyline of a stroke."""
    reach_share: float
    """Largest distance of a point from the middle of the box, as a share of its height."""
    min_reach: float
    """Lower limit of that distance in pixels."""
    min_spread: float
    """Lowest factor, up to 1, by which a stroke keeps closer to the middle."""
    min_strength: int


LINE_STYLE = CrossOutStyle(4, 8, 1 / 4, 3.0, 0.1, 170)
"""For single lines."""
PAGE_STYLE = CrossOutStyle(3, 9, 1 / 5, 2.0, 0.2, 180)
"""For pages, whose words are smaller."""


def cross_out(ink: np.ndarray, box: Box, rng: np.random.Generator, style: CrossOutStyle) -> np.ndarray:
    """Draw pen strokes across a box, on a copy of the ink uint8 (h, w)."""
    ink = ink.copy()
    x0, y0, x1, y1 = box
    middle, reach = (y0 + y1) / 2, max(style.min_reach, (y1 - y0) * style.reach_share)
    for _ in range(int(rng.integers(1, style.max_strokes + 1))):
        xs = np.linspace(x0 - 2, x1 + 2, int(rng.integers(2, style.max_points + 1)))
        ys = middle + rng.uniform(-reach, reach, len(xs)) * rng.uniform(style.min_spread, 1)
        points = (np.stack([xs, ys], 1) * 16).astype(np.int32)
        strength, thickness = int(rng.integers(style.min_strength, 256)), int(rng.integers(1, 4))
        cv2.polylines(ink, [points], False, strength, thickness, cv2.LINE_AA, 4)
    return ink
