"""The slope of a page's lines, from its pixels."""

import cv2
import numpy as np
import pytest

from ocr.geometry import CoordinateMap
from ocr.image.skew import page_skew


def written(size: tuple[int, int] = (900, 700), *, paper: int = 235, ink: int = 40) -> np.ndarray:
    """A page of lines of short upright strokes, of unlike lengths, in color."""
    rng = np.random.default_rng(3)
    image = np.full(size, paper, np.uint8)
    for y in range(80, size[0] - 60, 38):
        for x in range(60, int(rng.uniform(0.5, 0.92) * size[1]), 7):
            if rng.random() < 0.8:
                top = y - int(rng.integers(6, 18))
                cv2.line(image, (x, y), (x + int(rng.integers(0, 5)), top), ink, 2)
    return np.repeat(image[..., None], 3, axis=2)


@pytest.mark.parametrize("angle", [-35, -20, -10, -5, 5, 8, 15, 20, 35])
@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (written(), "dark on light"),
        (written(paper=40, ink=220), "chalk on a blackboard"),
        (written()[:400], "wider than high"),
        (written()[..., 0], "grey"),
    ],
)
def test_skew_is_found(page, reason, angle):
    turn = CoordinateMap.rotate(page.shape[:2], angle)
    tilted = turn.warp(page, border=cv2.BORDER_REPLICATE)
    assert page_skew(tilted) == pytest.approx(angle, abs=2), reason


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (written(), "straight"),
        (CoordinateMap.rotate((900, 700), 2.0).warp(written(), border=cv2.BORDER_REPLICATE), "hardly askew"),
        (np.rot90(written()), "on its side, which is another matter"),
        (np.rot90(written(), 2), "upside down"),
        (np.full((300, 200, 3), 255, np.uint8), "blank"),
        (np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8), "noise"),
        (np.zeros((1, 1), np.uint8), "a single pixel"),
        (np.zeros((1, 5000, 3), np.uint8), "a sliver"),
    ],
)
def test_other_pages_are_left_alone(image, reason):
    assert page_skew(np.ascontiguousarray(image)) == 0, reason
