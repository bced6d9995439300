"""Tiny line sources, in memory and on disk."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ocr.errors import DataError
from ocr.types import LineSample


def png(image: np.ndarray) -> bytes:
    """PNG bytes of a uint8 image."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def picture(width: int, value: int = 0, height: int = 16) -> np.ndarray:
    """White (height, width) with a bar of grey `value` in its left half."""
    image = np.full((height, width), 255, np.uint8)
    image[4:12, : width // 2] = value
    return image


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


@pytest.fixture
def write_parquet(tmp_path: Path):
    """`write(rows, name, drop=())`: a manifest of the shared schema with defaults filled in."""

    def write(rows: list[dict], name: str = "lines.parquet", drop: tuple[str, ...] = ()) -> Path:
        full = [
            {
                "id": f"l{i}",
                "image": png(picture(40 + i)),
                "text": f"text {i}",
                "page_id": "p1",
                "source": "set",
                "language": "fr",
                "writer": "w",
                "kind": "handwritten",
                "width": 4 * (40 + i),
                "polygon": [0, 0, 10, 0, 10, 8],
                **row,
            }
            for i, row in enumerate(rows)
        ]
        table = pa.Table.from_pylist(full).drop_columns(list(drop))
        pq.write_table(table, tmp_path / name)
        return tmp_path / name

    return write
