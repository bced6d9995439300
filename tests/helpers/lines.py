"""Sources of lines in memory."""

from __future__ import annotations

import numpy as np

from ocr.errors import DataError
from ocr.types import LineSample
from tests.helpers.pictures import picture


class MemoryLines:
    """n lines of known, varied widths; the rows in `bad` raise."""

    endless = False

    def __init__(self, count: int, *, name: str = "memory", bad: tuple[int, ...] = ()) -> None:
        self.count, self.name, self.bad = count, name, bad

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> LineSample:
        if index in self.bad:
            raise DataError(f"{self.name}: row {index} is broken")
        return LineSample(
            picture(20 + index * 37 % 200), f"text {index}", f"{self.name}-{index}", "page", self.name
        )

    def widths(self) -> np.ndarray:
        return np.array([(20 + i * 37 % 200) / 16 for i in range(self.count)])


def row(index: int, image: bytes) -> dict:
    """Row `index` of a line manifest, with all columns."""
    return {
        "id": f"l{index}",
        "image": image,
        "text": f"text {index}",
        "page_id": "p1",
        "source": "set",
        "language": "fr",
        "writer": "w",
        "kind": "handwritten",
        "width": 4 * (40 + index),
        "polygon": [0, 0, 10, 0, 10, 8],
    }


class Pen:
    """A synthesizer whose text is its first random number."""

    def sample(self, rng: np.random.Generator) -> LineSample:
        return LineSample(picture(int(rng.integers(20, 90))), str(rng.integers(1 << 60)), "", "")
