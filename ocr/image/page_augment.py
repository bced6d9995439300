"""Photometric augmentation of pages: other paper, other light, other cameras."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ocr.image.encode import jpeg_artifacts


@dataclass(frozen=True)
class PageAugment:
    """Random photometric changes of a page crop; its geometry stays.

    Each field is the probability of its change: `gray` (no color), `tint` (color channels are permuted),
    `tone` (brightness, contrast, gamma), `shade` (uneven light, folds), `invert`, `blur`, `noise`, `jpeg`,
    `rules` (ruled or squared paper).
    """

    gray: float = 0.35
    tint: float = 0.3
    tone: float = 0.8
    shade: float = 0.4
    invert: float = 0.02
    blur: float = 0.25
    noise: float = 0.35
    jpeg: float = 0.3
    rules: float = 0.15

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """image: uint8 (h, w, 3) RGB. Returns a changed copy of the same shape; same generator, same result."""
        height, width = image.shape[:2]
        if rng.random() < self.rules:
            image = _rules(image, rng)
        if rng.random() < self.gray:
            image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        elif rng.random() < self.tint:
            image = image[..., rng.permutation(3)]
        if rng.random() < self.blur:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.3)))
        gain = np.ones((1, 1, 1), np.float32)
        if rng.random() < self.shade:
            coarse = rng.uniform(0.55, 1.1, (int(rng.integers(2, 5)), int(rng.integers(2, 5)))).astype(
                np.float32
            )
            gain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
        table = np.arange(256, dtype=np.float32) / 255
        if rng.random() < self.tone:
            table = table ** np.exp(rng.normal(0, 0.3))
            low, high = rng.uniform(-0.1, 0.35), rng.uniform(0.6, 1.1)
            table = low + (high - low) * table
        if rng.random() < self.invert:
            table = 1 - table
        x = table[image] * gain
        if rng.random() < self.noise:
            x = x + rng.normal(0, rng.uniform(0.01, 0.07), (height, width, 1)).astype(np.float32)
        image = (x.clip(0, 1) * 255).astype(np.uint8)
        if rng.random() < self.jpeg:
            image = jpeg_artifacts(image, int(rng.integers(25, 80)))
        return np.ascontiguousarray(image)


def texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw a picture without text, uint8 (h, w, 3): smooth blotches, fine grain and hard-edged shapes."""
    height, width = size
    octaves = rng.integers(2, 7)
    x = np.zeros((height, width, 3), np.float32)
    for octave in range(octaves):
        cells = 2 ** (octave + 1)
        coarse = rng.uniform(-1, 1, (min(cells, height), min(cells, width), 3)).astype(np.float32)
        x += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 0.75**octave
    x = 0.5 + x * rng.uniform(0.05, 0.4) + rng.uniform(-0.3, 0.3, 3).astype(np.float32)
    image = (x.clip(0, 1) * 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 12))):
        ends = rng.integers(0, max(height, width), 4)
        color = tuple(int(value) for value in rng.integers(0, 256, 3))
        thickness = int(rng.integers(1, 8))
        kind = rng.integers(3)
        if kind == 0:
            cv2.line(image, tuple(ends[:2].tolist()), tuple(ends[2:].tolist()), color, thickness, cv2.LINE_AA)
        elif kind == 1:
            cv2.circle(
                image, tuple(ends[:2].tolist()), int(rng.integers(4, 80)), color, thickness, cv2.LINE_AA
            )
        else:
            cv2.rectangle(image, tuple(ends[:2].tolist()), tuple(ends[2:].tolist()), color, thickness)
    return image


def _rules(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw thin parallel rules, sometimes squares, darker than the paper."""
    image = image.copy()
    height, width = image.shape[:2]
    pitch = float(rng.uniform(10, 60))
    strength = float(rng.uniform(0.55, 0.92))
    color = strength + (1 - strength) * rng.uniform(0, 0.8, 3)
    slope = float(rng.normal(0, 0.01))
    alpha = np.zeros((height, width), np.uint8)
    for y in np.arange(rng.uniform(0, pitch) - abs(slope) * width, height + abs(slope) * width, pitch):
        ends = [(0, round(y * 16)), (width * 16, round((y + slope * width) * 16))]
        cv2.line(alpha, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    if rng.random() < 0.35:
        for x in np.arange(rng.uniform(0, pitch), width + abs(slope) * height, pitch):
            cv2.line(
                alpha,
                (round(x * 16), 0),
                (round((x - slope * height) * 16), height * 16),
                255,
                1,
                cv2.LINE_AA,
                4,
            )
    shade = 1 - (alpha[..., None] / 255.0).astype(np.float32) * (1 - color.astype(np.float32))
    return (image * shade).astype(np.uint8)
