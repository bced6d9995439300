"""Cores of lines: connected cells of the line map, and the direction that they run in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ocr.detection.core import CORE_BOTTOM, CORE_TOP

CENTER = (CORE_TOP - CORE_BOTTOM) / 2
"""Height of the core's middle above the baseline, as a share of the ascent."""

THICKNESS = CORE_TOP + CORE_BOTTOM
"""Thickness of the core as a share of the ascent."""

DESCENT = 0.45
"""Descent as a share of the ascent where the model predicts no extents."""


@dataclass
class Core:
    """Cells of one line's core: `x`, `y` cell centers in input pixels, `p` probability, `up`, `down` pixels to
    the top and bottom edge; all (n,)."""

    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    up: np.ndarray
    down: np.ndarray

    @classmethod
    def joined(cls, cores: list[Core]) -> Core:
        """Join the cells of several cores."""
        return cls(*(np.concatenate([getattr(core, key) for core in cores]) for key in cls.__annotations__))

    def of(self, rows: np.ndarray) -> Core:
        """Select some of the cells."""
        return Core(*(getattr(self, key)[rows] for key in self.__annotations__))


def find_cores(line: np.ndarray, extent: np.ndarray | None, stride: int, threshold: float) -> list[Core]:
    """Find the cores of a line map (h, w); without the `extent` (2, h, w), their thickness tells the edges."""
    count, labels = cv2.connectedComponents((line > threshold).astype(np.uint8), connectivity=4)
    if count < 2:
        return []
    rows, columns = np.nonzero(labels)
    order = np.argsort(labels[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    starts = np.flatnonzero(np.diff(labels[rows, columns])) + 1
    cores = []
    for r, c in zip(np.split(rows, starts), np.split(columns, starts), strict=True):
        if extent is None:
            # Half of the cells lie within the inner half of the core.
            ascent = max(_thickness(r, c) * stride / THICKNESS, 1.0)
            middle = np.full(len(r), (1 - CENTER) * ascent)
            up, down = middle, np.full(len(r), (CENTER + DESCENT) * ascent)
        else:
            up, down = extent[0, r, c], extent[1, r, c]
        cores.append(Core((c + 0.5) * stride, (r + 0.5) * stride, line[r, c], up, down))
    return cores


def _thickness(rows: np.ndarray, columns: np.ndarray) -> float:
    """Cells across the shorter side of a component."""
    across_y = len(rows) / (np.ptp(columns) + 1)
    across_x = len(rows) / (np.ptp(rows) + 1)
    return float(min(across_y, across_x))


def direction_of(core: Core, angle: float) -> np.ndarray:
    """Unit vector along a core, pointing right, or down where it is upright."""
    default = np.array([np.cos(angle), np.sin(angle)])
    if len(core.x) < 6:
        return default
    centered = np.stack([core.x - core.x.mean(), core.y - core.y.mean()])
    values, vectors = np.linalg.eigh(centered @ centered.T / len(core.x))
    # A core hardly longer than thick has no direction of its own.
    if values[1] < 6 * max(values[0], 1e-6):
        return default
    along = vectors[:, 1]
    upright = abs(along[0]) < 0.2
    return -along if (along[1] < 0 if upright else along[0] < 0) else along


def page_angle(cores: list[Core]) -> float:
    """Length-weighted median direction of the longer cores, in radians; 0 without any."""
    angles, lengths = [], []
    for core in cores:
        length = max(np.ptp(core.x), np.ptp(core.y))
        if len(core.x) >= 20 and length > 4 * len(core.x) ** 0.5:
            x, y = direction_of(core, 0.0)
            angles.append(np.arctan2(y, x))
            lengths.append(length)
    if not angles:
        return 0.0
    order = np.argsort(angles)
    total = np.cumsum(np.array(lengths)[order])
    angle = float(np.array(angles)[order][np.searchsorted(total, total[-1] / 2)])
    return angle if abs(angle) < np.pi / 4 else 0.0
