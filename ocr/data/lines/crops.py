"""Line crops as other tools cut them: without the neighbors' ink, tight to the ink, or with paper around."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ocr.errors import ConfigError
from ocr.types import LineSample


class VaryCrop:
    """Random new cut of a training line.

    Args:
        mask: chance that ink outside of the line's outline, where that is known, is painted over with paper.
        tight: chance that the crop follows the ink, from -4 % (into the ink) to 20 % of the height around it.
        loose: chance that up to half of the height of paper is added above and below.
    Raises:
        ConfigError: a chance outside of [0, 1].
    """

    def __init__(self, *, mask: float = 0.3, tight: float = 0.3, loose: float = 0.1) -> None:
        for name, value in (("mask", mask), ("tight", tight), ("loose", loose)):
            if not 0 <= value <= 1:
                raise ConfigError(f"{name}={value}: a chance lies in [0, 1]")
        self.mask, self.tight, self.loose = mask, tight, loose

    def __call__(self, sample: LineSample, rng: np.random.Generator) -> LineSample:
        """The sample with another image; its outline is dropped where the image changed."""
        masked, kind = rng.random() < self.mask, rng.random()
        image = sample.image
        if masked and sample.polygon is not None:
            image = _masked(image, sample.polygon)
        if kind < self.tight:
            image = _tight(image, rng)
        elif kind < self.tight + self.loose:
            image = _loose(image, rng)
        return sample if image is sample.image else replace(sample, image=image, polygon=None)


def _gray(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _masked(image: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Gray paper, taken column by column from what is above or below, outside of the outline."""
    gray = _gray(image)
    own = cv2.fillPoly(np.zeros_like(gray), [np.round(polygon).astype(np.int32)], 255)
    reach = max(1, gray.shape[0] // 16)
    own = cv2.dilate(own, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    paper = np.percentile(gray, 80, axis=0, keepdims=True).astype(np.float32)
    paper = cv2.blur(paper, (31, 1), borderType=cv2.BORDER_REPLICATE).repeat(gray.shape[0], axis=0)
    share = cv2.GaussianBlur(own, (0, 0), 1.5).astype(np.float32) / 255
    return (gray * share + paper * (1 - share)).astype(np.uint8)


def _tight(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows (and sides) that hold the ink, with a little room or a little cut off."""
    gray = _gray(image)
    height, width = gray.shape
    paper = np.median(gray)
    ink = paper - gray.astype(np.float32)
    dark = ink > 0.4 * np.percentile(ink, 99.5)
    rows = np.flatnonzero(dark.mean(axis=1) > 0.012)
    if len(rows) == 0 or rows[-1] - rows[0] < 0.45 * height:
        return image
    room = rng.uniform(-0.04, 0.2, 2) * (rows[-1] - rows[0] + 1)
    top, bottom = round(rows[0] - room[0]), round(rows[-1] + 1 + room[1])
    columns = np.flatnonzero(dark.any(axis=0))
    left, right = 0, width
    if len(columns) > 1 and rng.random() < 0.7:
        left = max(0, int(columns[0]) - int(rng.integers(0, 6)))
        right = min(width, int(columns[-1]) + 1 + int(rng.integers(0, 6)))
    return image[max(0, top) : min(height, bottom), left:right]


def _loose(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paper of the crop's own border gray above, below and at the sides."""
    height = image.shape[0]
    above, below, left, right = (int(room) for room in rng.uniform(0, 0.5, 4) * height)
    paper = np.median(_gray(image)).item()
    value = (paper,) * (1 if image.ndim == 2 else 3)
    return cv2.copyMakeBorder(image, above, below, left, right, cv2.BORDER_CONSTANT, value=value)
