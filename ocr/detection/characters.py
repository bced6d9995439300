"""Training targets of the detector: heat maps of characters and of the gaps between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.types import Polygon

GAUSSIAN = 0.5
"""Standard deviation of a character's heat as a share of half its box, as in CRAFT's squashed Gaussian."""

_MIN_HALF_AXIS = 0.75
"""In cells."""


def draw_characters(
    words: Sequence[Sequence[Polygon]], size: tuple[int, int], stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Region and affinity heat (h, w) of words given as character quads (4, 2) in input pixels.

    An affinity box joins the centroids of the upper and lower triangles that the diagonals of two neighboring
    characters make (CRAFT, section 3.1).
    """
    quads = [np.asarray(quad, np.float64) for word in words for quad in word]
    links = [
        link
        for word in words
        for left, right in zip(word, word[1:], strict=False)
        for link in [_affinity_quad(np.asarray(left, np.float64), np.asarray(right, np.float64))]
    ]
    return _draw_gaussians(quads, size, stride), _draw_gaussians(links, size, stride)


def _affinity_quad(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Box (4, 2) between two characters, see `draw_characters`."""

    def triangles(quad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        center = quad.mean(axis=0)
        return (quad[0] + quad[1] + center) / 3, (quad[2] + quad[3] + center) / 3

    (top1, bottom1), (top2, bottom2) = triangles(left), triangles(right)
    return np.array([top1, top2, bottom2, bottom1])


def _draw_gaussians(quads: Sequence[np.ndarray], size: tuple[int, int], stride: int) -> np.ndarray:
    """(h, w) float32, the maximum of one Gaussian per quad, 1 in its middle."""
    heat = np.zeros(size, np.float32)
    if not len(quads):
        return heat
    cells = np.stack(quads) / stride - 0.5
    center = cells.mean(axis=1)
    inside = ((center > -1) & (center < (size[1], size[0]))).all(axis=1)
    if not inside.any():
        return heat
    cells, center = cells[inside], center[inside]
    across, down = _half_axes(cells)
    rows, columns = _cells_around(center, across, down)
    dx, dy = columns - center[:, 0, None, None], rows - center[:, 1, None, None]
    determinant = (across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0])[:, None, None]
    u = (dx * down[:, 1, None, None] - dy * down[:, 0, None, None]) / determinant
    v = (dy * across[:, 0, None, None] - dx * across[:, 1, None, None]) / determinant
    value = np.exp(-0.5 * (u * u + v * v) / GAUSSIAN**2).astype(np.float32)
    valid = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1]) & (value > 0.01)
    np.maximum.at(heat, (rows[valid], columns[valid]), value[valid])
    return heat


def _half_axes(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half axes (n, 2) of the parallelograms nearest to quads (n, 4, 2).

    They are at least three quarters of a cell long, or small letters would leave no trace; a quad without area
    becomes a square of that size.
    """
    across = (cells[:, 1] + cells[:, 2] - cells[:, 0] - cells[:, 3]) / 4
    down = (cells[:, 2] + cells[:, 3] - cells[:, 0] - cells[:, 1]) / 4
    across, down = _at_least(across, _MIN_HALF_AXIS, (1.0, 0.0)), _at_least(down, _MIN_HALF_AXIS, (0.0, 1.0))
    flat = np.abs(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]) < 0.2
    across[flat], down[flat] = (_MIN_HALF_AXIS, 0.0), (0.0, _MIN_HALF_AXIS)
    return across, down


def _cells_around(center: np.ndarray, across: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (n, k, k) of a square of cells around each center, as large as the largest heat needs."""
    reach = int(np.clip(np.ceil(np.abs(np.concatenate([across, down])).max() * 1.5), 2, 24))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    column, row = np.round(center).astype(int).T[..., None, None]
    return row + dy, column + dx


def _at_least(vectors: np.ndarray, length: float, default: tuple[float, float]) -> np.ndarray:
    """Lengthen vectors (n, 2) that are shorter than `length`; those of no length get the direction `default`."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(
        lengths < 1e-6,
        np.multiply(default, length),
        vectors * np.maximum(1, length / np.maximum(lengths, 1e-6)),
    )
