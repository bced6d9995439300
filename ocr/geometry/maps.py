"""Coordinate maps: what happened to the pixels, applied to points, and undone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from ocr.errors import ConfigError


@dataclass(frozen=True)
class CoordinateMap:
    """A 3x3 homography between two images, in corner coordinates (see `ocr.geometry`).

    `size` is the (height, width) of the target image where the map defines one, else None.
    """

    matrix: np.ndarray = field(default_factory=lambda: np.eye(3))
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix, dtype=np.float64)
        if matrix.shape == (2, 3):
            matrix = np.vstack([matrix, [0.0, 0.0, 1.0]])
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise ConfigError(f"a coordinate map needs a finite 3x3 or 2x3 matrix, got shape {matrix.shape}")
        if abs(np.linalg.det(matrix)) < 1e-12:
            raise ConfigError("a coordinate map must be invertible; its determinant is 0")
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def resize(cls, source: tuple[int, int], target: tuple[int, int]) -> CoordinateMap:
        """Scale an image of `source` (height, width) to `target` (height, width)."""
        scale_y, scale_x = target[0] / source[0], target[1] / source[1]
        return cls(np.diag([scale_x, scale_y, 1.0]), (int(target[0]), int(target[1])))

    @classmethod
    def crop(cls, top: float, left: float, size: tuple[int, int] | None = None) -> CoordinateMap:
        """Cut away `top` rows and `left` columns; negative values pad."""
        return cls.translate(-left, -top, size)

    @classmethod
    def translate(cls, dx: float, dy: float, size: tuple[int, int] | None = None) -> CoordinateMap:
        """Shift points by (dx, dy) pixels."""
        return cls(np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]]), size)

    @classmethod
    def rotate90(cls, source: tuple[int, int], turns: int) -> CoordinateMap:
        """Make `turns` quarter turns counter-clockwise of a (height, width) image, as `np.rot90(image, turns)`."""
        height, width = source
        matrix, size = np.eye(3), (height, width)
        for _ in range(turns % 4):
            matrix = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, size[1]], [0.0, 0.0, 1.0]]) @ matrix
            size = (size[1], size[0])
        return cls(matrix, size)

    @classmethod
    def rotate(cls, source: tuple[int, int], degrees: float, *, expand: bool = True) -> CoordinateMap:
        """Turn an image of `source` (height, width) about its center, clockwise on screen for `degrees` > 0.

        `expand` enlarges the target so that no corner is lost; otherwise the size stays.
        """
        height, width = source
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        target = (height, width)
        if expand:
            target = (
                math.ceil(abs(height * cos) + abs(width * sin) - 1e-9),
                math.ceil(abs(width * cos) + abs(height * sin) - 1e-9),
            )
        turn = cls(np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]))
        return (
            cls.translate(-width / 2, -height / 2)
            .then(turn)
            .then(cls.translate(target[1] / 2, target[0] / 2, target))
        )

    @classmethod
    def from_points(
        cls, source: np.ndarray, target: np.ndarray, size: tuple[int, int] | None = None
    ) -> CoordinateMap:
        """The affine map through 3 point pairs, or the homography through 4: `source`, `target` (n, 2)."""
        source, target = np.asarray(source, np.float32), np.asarray(target, np.float32)
        if len(source) == 3:
            return cls(cv2.getAffineTransform(source, target), size)
        if len(source) == 4:
            return cls(cv2.getPerspectiveTransform(source, target), size)
        raise ConfigError(f"a coordinate map is fixed by 3 or 4 point pairs, got {len(source)}")

    @property
    def inverse(self) -> CoordinateMap:
        """The map back; it knows no size, for the source image's is not stored."""
        return CoordinateMap(np.linalg.inv(self.matrix))

    def then(self, after: CoordinateMap) -> CoordinateMap:
        """This map followed by `after`."""
        return CoordinateMap(after.matrix @ self.matrix, after.size)

    @staticmethod
    def compose(*maps: CoordinateMap) -> CoordinateMap:
        """One map that applies `maps` from first to last."""
        result = CoordinateMap()
        for item in maps:
            result = result.then(item)
        return result

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2); float64 stays float64, anything else becomes float32."""
        points = np.asarray(points)
        dtype = np.float64 if points.dtype == np.float64 else np.float32
        flat = points.reshape(-1, 2).astype(np.float64)
        mapped = flat @ self.matrix[:, :2].T + self.matrix[:, 2]
        mapped = mapped[:, :2] / mapped[:, 2:]
        return mapped.astype(dtype).reshape(points.shape)

    def for_cv2(self) -> np.ndarray:
        """The same map for OpenCV's warps, whose coordinates count from pixel centers: float64 (3, 3)."""
        to_corner = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
        return np.linalg.inv(to_corner) @ self.matrix @ to_corner

    def warp(
        self,
        image: np.ndarray,
        size: tuple[int, int] | None = None,
        *,
        interpolation: int = cv2.INTER_LINEAR,
        border: int = cv2.BORDER_REPLICATE,
        fill: tuple[int, ...] | int = 0,
    ) -> np.ndarray:
        """The image this map makes of `image`; `size` (height, width) defaults to the map's own."""
        size = size or self.size
        if size is None:
            raise ConfigError("this coordinate map defines no target size; pass one to warp")
        arguments = {"flags": interpolation, "borderMode": border, "borderValue": fill}
        matrix = self.for_cv2()
        if np.allclose(matrix[2], [0, 0, 1], atol=1e-15):
            return cv2.warpAffine(image, matrix[:2], (size[1], size[0]), **arguments)
        return cv2.warpPerspective(image, matrix, (size[1], size[0]), **arguments)
