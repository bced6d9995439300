"""A stroke file of three writers, drawn by hand: bars for letters, a bar and a bow for letters that are joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

UNIT = 64

WORDS = ("one", "two", "ten", "net", "toe", "not")


def letters(text: str, *, joined: bool) -> list[list[tuple[float, float]]]:
    """Strokes in x-heights: a bar per letter, tall for t, one stroke for all where `joined`."""
    strokes = []
    for number, character in enumerate(text):
        if character == " ":
            continue
        top = -1.8 if character in "tlhd" else -1.0
        strokes.append([(number + 0.1, 0.0), (number + 0.4, top), (number + 0.7, 0.0), (number + 0.95, -0.1)])
    return [[point for stroke in strokes for point in stroke]] if joined and strokes else strokes


def row(writer: str, text: str, split: str, *, joined: bool = False) -> dict:
    """A row of a stroke file."""
    strokes = letters(text, joined=joined)
    xy = np.round(np.array([point for stroke in strokes for point in stroke]) * UNIT).astype(np.int16)
    steps = np.diff(xy, axis=0, prepend=0)
    return {
        "writer": writer,
        "donor": "abc" if writer == "a" else "xyz",
        "style": "",
        "text": text,
        "split": split,
        "slope": 0.0,
        "dx": steps[:, 0].tolist(),
        "dy": steps[:, 1].tolist(),
        "points": [len(stroke) for stroke in strokes],
    }


SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("writer", "donor", "style", "text", "split")),
        ("slope", pa.float32()),
        *((name, pa.list_(pa.int16())) for name in ("dx", "dy", "points")),
    ]
)


def write(path: Path, rows: list[dict]) -> Path:
    """Write rows as a stroke file."""
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
    return path


X_HEIGHT = 100.0
"""Units of UNIPEN files."""


def wave(left, letters, baseline, slope=0.0):
    """Strokes of `letters` times an `n`: up to the x-height and down to the baseline, y up."""
    x = left + 50.0 * np.arange(2 * letters + 1)
    y = baseline + slope * (x - left) + X_HEIGHT * (np.arange(len(x)) % 2)
    return np.stack([x, y], 1)


def component(points, keyword="PEN_DOWN"):
    lines = [f"{x:.0f} {y:.0f} {10 * time} 40" for time, (x, y) in enumerate(points)]
    return "\n".join([f".{keyword}", *lines]) + "\n"
