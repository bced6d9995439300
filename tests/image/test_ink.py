"""Blank pages, told from pages with ink."""

import cv2
import numpy as np
import pytest

from ocr.image.ink import has_ink


def paper(size=(1200, 900)) -> np.ndarray:
    """Grainy paper, darker towards one corner."""
    rng = np.random.default_rng(0)
    shade = np.linspace(245, 150, size[1])[None] - np.linspace(0, 60, size[0])[:, None]
    return np.clip(shade + rng.normal(0, 6, size), 0, 255).astype(np.uint8)


def written(image: np.ndarray, text: str, scale: float, *, ink: int = 30) -> np.ndarray:
    return cv2.putText(image.copy(), text, (60, 300), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, round(2 * scale))


@pytest.mark.parametrize(
    ("image", "expected", "reason"),
    [
        (paper(), False, "shaded, grainy paper"),
        (np.full((60, 90, 3), 255, np.uint8), False, "white"),
        (np.zeros((1, 1, 3), np.uint8), False, "a pixel"),
        (np.zeros((300, 300), np.uint8), False, "black"),
        (written(paper(), "no", 1.0), True, "a short word"),
        (written(paper((4000, 3000)), "no", 2.0), True, "a short word on a large sheet"),
        (written(paper(), "WORD", 9.0), True, "writing that fills the sheet"),
        (255 - written(paper(), "chalk", 2.0), True, "light on dark"),
        (np.repeat(written(paper(), "color", 2.0)[..., None], 3, axis=2), True, "in color"),
        (written(paper((6000, 400)), "strip", 1.0), True, "a strip"),
    ],
)
def test_ink_is_seen(image, expected, reason):
    assert has_ink(image) == expected, reason
