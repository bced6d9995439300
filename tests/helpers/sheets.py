"""Sheets written in one of the shipped fonts."""

import numpy as np

from ocr.synth import ASSETS
from ocr.synth.fonts import FontLibrary
from ocr.synth.render import LineRenderer, Style


def drawn(
    size: tuple[int, int],
    *texts: tuple[str, int, int, int],
    turned: str = "",
    font: str = "IndieFlower.ttf",
) -> np.ndarray:
    """A sheet of `size` (height, width) with texts (text, x, y, height), and one that runs up its left margin."""
    hand = FontLibrary(ASSETS / "fonts").get(font)
    ink = np.zeros(size, np.uint8)
    for text, x, y, height in texts:
        line = LineRenderer(height=height, max_width=8192, framed_probability=0.0).render(
            text, hand, Style(), np.random.default_rng(1)
        )
        rows, columns = min(line.ink.shape[0], size[0] - y), min(line.ink.shape[1], size[1] - x)
        ink[y : y + rows, x : x + columns] |= line.ink[:rows, :columns]
    if turned:
        margin = np.rot90(drawn((80, 420), (turned, 20, 20, 44)))
        ink[80:500, 20:100] = 245 - margin[..., 0]
    return np.repeat((245 - np.minimum(ink, 210))[..., None], 3, axis=2)


def colored(page: np.ndarray, ground: tuple[int, int, int], ink: tuple[int, int, int]) -> np.ndarray:
    """Return a sheet, uint8 (h, w, 3), with other colors of ground and ink."""
    amount = 1 - page.astype(np.float32) / page.max()
    return (np.array(ground) * (1 - amount) + np.array(ink) * amount).astype(np.uint8)
