"""Scan or photograph of a sheet: position, background, light, lens and compression."""

from __future__ import annotations

import cv2
import numpy as np

from ocr.geometry import CoordinateMap
from ocr.image.encode import jpeg_artifacts
from ocr.synth.paper import tile


def shoot(rng: np.random.Generator, sheet: np.ndarray, longer_side: int) -> tuple[np.ndarray, CoordinateMap]:
    """Scan or photograph a sheet.

    Args:
        sheet: uint8 (h, w, 3) RGB. longer_side: longer side of the picture in pixels.
    Returns:
        The picture, uint8 (h, w, 3), and the map from the sheet to it.
    """
    height, width = sheet.shape[:2]
    kind = rng.random()
    if kind < 0.42:
        margins, tilt, bend = rng.uniform(0, 0.015, 4), rng.normal(0, 0.5), 0.0
    elif kind < 0.62:
        margins, tilt, bend = rng.uniform(0.0, 0.12, 4), rng.normal(0, 1.2), 0.0
    else:
        margins, tilt, bend = rng.uniform(0.0, 0.14, 4), rng.normal(0, 3.5), rng.uniform(0.005, 0.05)
    if kind < 0.2:
        margins = -rng.uniform(0, 0.012, 4)  # the scan ends inside the sheet
    place = CoordinateMap.rotate((height, width), float(tilt))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    if bend:
        moved = corners + rng.uniform(-bend, bend, (4, 2)) * (width, height)
        place = CoordinateMap.from_points(corners, moved).then(place)
    spots = place.apply(corners)
    low, high = spots.min(axis=0), spots.max(axis=0)
    if kind < 0.2:
        # Crop to the sheet's inside, so that no background shows.
        low, high = np.sort(spots, axis=0)[1], np.sort(spots, axis=0)[2]
    low = low - margins[:2] * (width, height)
    high = high + margins[2:] * (width, height)
    scale = longer_side / float((high - low).max())
    size = tuple(int(round(v)) for v in ((high - low) * scale)[::-1])
    place = place.then(CoordinateMap.translate(-low[0], -low[1]))
    place = place.then(CoordinateMap(np.diag([scale, scale, 1.0]), size))

    picture = place.warp(
        sheet, border=cv2.BORDER_REPLICATE, interpolation=cv2.INTER_LINEAR if scale > 0.8 else cv2.INTER_AREA
    )
    mask = place.warp(_sheet_mask(rng, (height, width)), border=cv2.BORDER_CONSTANT)
    if mask.min() < 255:
        picture = _lay_on(rng, picture, mask, photo=kind >= 0.62)
    picture = _light(rng, picture, photo=kind >= 0.62)
    return _lens(rng, picture), place


def _sheet_mask(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Make a mask that is 255 on the paper; one sheet in six has torn edges."""
    height, width = size
    mask = np.full(size, 255, np.uint8)
    if rng.random() < 0.17:
        depth = rng.uniform(2, 0.018 * width)
        for turn in rng.choice(4, int(rng.integers(1, 4)), replace=False):
            side = np.rot90(mask, int(turn))  # a view: the edge on top is torn
            edge = np.clip(np.abs(np.cumsum(rng.normal(0, 0.35, side.shape[1]))), 0, depth)
            side[np.arange(side.shape[0])[:, None] < edge[None]] = 0
    return mask


def _lay_on(rng: np.random.Generator, picture: np.ndarray, mask: np.ndarray, *, photo: bool) -> np.ndarray:
    """Put a table, the lid of a scanner or a dark background behind the sheet, with the shadow of the sheet on it."""
    size = mask.shape
    behind = np.empty((*size, 3), np.float32)
    kind = rng.random()
    if not photo:
        behind[:] = rng.uniform(0, 35) if kind < 0.55 else rng.uniform(150, 255)
        behind += (tile(rng, size, 0) * rng.uniform(0, 4))[..., None]
    else:
        behind[:] = (
            (120, 82, 52),
            (70, 52, 40),
            (180, 150, 110),
            (60, 70, 80),
            (150, 150, 150),
            (30, 30, 30),
        )[int(rng.integers(6))] + rng.normal(0, 10, 3)
        grain = tile(rng, size, 3 if kind < 0.6 else int(rng.integers(3))) * rng.uniform(2, 16)
        if rng.random() < 0.5:
            grain = np.rot90(grain)
            grain = cv2.resize(np.ascontiguousarray(grain), (size[1], size[0]))
        behind += grain[..., None]
        shift = rng.uniform(-14, 14, 2)
        shadow = cv2.blur(np.roll(mask, (int(shift[0]), int(shift[1])), (0, 1)), (21, 21))
        behind *= (1 - shadow.astype(np.float32) * np.float32(rng.uniform(0, 0.6) / 255))[..., None]
    paper = (mask.astype(np.float32) * np.float32(1 / 255))[..., None]
    return np.clip(behind + (picture - behind) * paper, 0, 255).astype(np.uint8)


def _light(rng: np.random.Generator, picture: np.ndarray, *, photo: bool) -> np.ndarray:
    """Apply uneven light, a cast shadow, a tint and a change of contrast."""
    height, width = picture.shape[:2]
    gain = np.ones((height, width), np.float32)
    if photo or rng.random() < 0.15:
        knots = 1 - rng.random((int(rng.integers(2, 4)), int(rng.integers(2, 4)))).astype(
            np.float32
        ) * rng.uniform(0.05, 0.35)
        gain *= cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
    if photo and rng.random() < 0.35:
        shade = np.zeros((height // 4, width // 4), np.float32)
        points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2)) * (width / 4, height / 4)
        cv2.fillConvexPoly(shade, cv2.convexHull(points.astype(np.int32)), 1.0)
        shade = cv2.GaussianBlur(shade, (0, 0), rng.uniform(2, 14))
        gain *= 1 - cv2.resize(shade, (width, height)) * np.float32(rng.uniform(0.08, 0.35))
    if rng.random() < 0.12:
        # The gutter of a bound volume.
        side = np.linspace(0, 1, width, dtype=np.float32)
        side = side if rng.random() < 0.5 else 1 - side
        gain *= 1 - np.float32(rng.uniform(0.2, 0.8)) * np.exp(-side * np.float32(rng.uniform(12, 40)))
    tint = np.clip(1 + rng.normal(0, 0.015 if not photo else 0.035, 3), 0.8, 1.1)
    contrast = rng.uniform(0.75, 1.1) if rng.random() < 0.5 else 1.0
    floor = rng.uniform(0, 40) if rng.random() < 0.3 else 0.0
    channels = []
    for channel in range(3):
        factor = gain * np.float32(tint[channel] * contrast)
        channels.append(cv2.multiply(picture[..., channel], factor, dtype=cv2.CV_32F) + np.float32(floor))
    result = np.clip(cv2.merge(channels), 0, 255).astype(np.uint8)
    if rng.random() < 0.22:
        result[:] = cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)[..., None]
    return result


def _lens(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Apply blur, loss of resolution, noise, binarization and compression, each by chance."""
    height, width = picture.shape[:2]
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.1))
    if rng.random() < 0.12:
        factor = rng.uniform(0.55, 0.85)
        small = cv2.resize(picture, (int(width * factor), int(height * factor)), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        noise = (tile(rng, (height, width), 0) * rng.uniform(1, 7)).astype(np.int16)
        picture = np.clip(picture + noise[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.06:
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        dark = cv2.adaptiveThreshold(
            gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 41, int(rng.integers(8, 20))
        )
        picture = np.repeat(dark[..., None], 3, axis=2)
    if rng.random() < 0.6:
        picture = jpeg_artifacts(picture[..., ::-1], int(rng.integers(35, 92)))[..., ::-1]
    return np.ascontiguousarray(picture)
