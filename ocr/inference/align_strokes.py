"""Location of each character in recorded pen strokes, by forced alignment of drawings of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ocr.bundle import Bundle
from ocr.errors import DataError
from ocr.inference.align import align_lines
from ocr.synth.strokes.characters import Located, locate, slant_of, upright
from ocr.synth.strokes.library import StrokeTable
from ocr.synth.strokes.pens import Pen
from ocr.synth.strokes.synthesizer import draw_plain

CHUNK = 2048
"""Rows drawn and aligned together."""
LAG = 0.15
"""X-heights by which the CTC head names a character too far to the right, the median over synthetic lines."""
PEN = Pen(width=0.12)
HEIGHT = 64


def align_strokes(
    bundle: Bundle, path: str | Path, output: str | Path, *, split: str, max_rows: int
) -> tuple[int, int]:
    """Write the rows of a stroke file again with the columns of `LocatedStrokes`.

    `fit` is the mean log-probability of a character. Rows with characters that the bundle does not know are left
    out.

    Args:
        split: rows of this split are written. max_rows: per writer, evenly spread.
    Returns:
        Rows written, and rows of the split left out.
    Raises:
        DataError: the file cannot be read, or the output cannot be written.
    """
    table = StrokeTable(path, split=split)
    chosen, slants = [], {}
    for writer, rows in table.by_writer().items():
        slants[writer] = slant_of([table.strokes(row) for row in rows[:60]])
        known = [row for row in rows if not bundle.parts["ctc_tokenizer"].missing(table.texts[row])]
        if known:
            kept = np.linspace(0, len(known) - 1, min(max_rows, len(known))).round().astype(int)
            chosen += [known[i] for i in kept]
    found = list(_located(bundle, table, sorted(chosen), slants))
    rows = table.table.take(pa.array(sorted(chosen)))
    for name, kind, values in (
        ("slant", pa.float32(), [slants[writer] for writer in rows.column("writer").to_pylist()]),
        ("fit", pa.float32(), [fit for _, fit in found]),
        ("character", pa.list_(pa.int16()), [located.character for located, _ in found]),
        ("edges", pa.list_(pa.float32()), [located.edges for located, _ in found]),
    ):
        rows = rows.append_column(name, pa.array(values, kind))
    try:
        pq.write_table(rows, output, compression="zstd")
    except OSError as error:
        raise DataError(f"{output}: cannot be written ({error.strerror})") from error
    return len(chosen), table.table.num_rows - len(chosen)


def _located(
    bundle: Bundle, table: StrokeTable, rows: list[int], slants: dict[str, float]
) -> Iterator[tuple[Located, float]]:
    """Located characters and fit of each row."""
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        strokes = [upright(table.strokes(row), slants[table.writers[row]]) for row in chunk]
        drawn = [draw_plain(item, PEN, height=HEIGHT) for item in strokes]
        aligned = align_lines(bundle, [image for image, _, _ in drawn], [table.texts[row] for row in chunk])
        for item, (_, scale, left), (spans, fit) in zip(strokes, drawn, aligned, strict=True):
            centers = (np.asarray(spans).reshape(-1, 2).mean(axis=1) - left) / scale - LAG
            yield locate(item, (centers[:-1] + centers[1:]) / 2), fit
