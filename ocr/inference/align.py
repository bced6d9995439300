"""Forced alignment of transcribed lines with a recognizer's CTC head: where each character stands.

For each line: `spans`, the columns [start, end) of every character of `text` in pixels of the stored image, and
`fit`, the mean log-probability of a character under that alignment; a label that says something else than the
picture has a low one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ocr.bundle import Bundle
from ocr.decoding.alignment import align, ctc_log_probs
from ocr.errors import DataError, OcrError, one_line
from ocr.image.io import load_image
from ocr.text.normalize import normalize

BATCH = 16


@torch.inference_mode()
def align_lines(
    bundle: Bundle, images: Sequence[np.ndarray], texts: Sequence[str]
) -> list[tuple[list[float], float]]:
    """Align texts to line images.

    Args:
        bundle: a recognizer with a CTC head. images: uint8 (h, w) or (h, w, 3), any height.
        texts: in the tokenizer's characters.
    Returns:
        For each line the spans, start and end of each character in turn, in pixel columns of its image, and
        the fit (see the module).
    Raises:
        LabelError: a text cannot be expressed.
    """
    preprocess, tokenizer = bundle.parts["preprocess"], bundle.parts["ctc_tokenizer"]
    lines = [preprocess(image) for image in images]
    results: list[tuple[list[float], float]] = [([], 0.0)] * len(lines)
    order = sorted(range(len(lines)), key=lambda i: lines[i].shape[1])
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        encoded = bundle.model.encode(preprocess.batch([lines[i] for i in rows]))
        for i, scores in zip(rows, ctc_log_probs(bundle.model, encoded), strict=True):
            ids = tokenizer.encode(texts[i])
            runs = align(scores, ids)
            scale = encoded.stride * images[i].shape[1] / lines[i].shape[1]
            fit = [scores[a:b, c].max(initial=-20.0) for (a, b), c in zip(runs, ids, strict=True)]
            results[i] = ([edge * scale for run in runs for edge in run], float(np.mean(fit)))
    return results


def align_manifest(bundle: Bundle, files: Sequence[str | Path], output: str | Path) -> tuple[int, int]:
    """Align the lines of manifests; rows that cannot be are left out and named on standard error.

    Returns the number of rows written and of rows left out. Raises DataError where a file cannot be read.
    """
    rows, left_out = [], 0
    for file in files:
        try:
            table = pq.read_table(file)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(f"{file}: not a readable Parquet file ({one_line(error)})") from error
        if missing := {"id", "image", "text"} - set(table.column_names):
            raise DataError(f"{file}: no column {', '.join(sorted(missing))}")
        for row in table.to_pylist():
            try:
                if not isinstance(row["text"], str):
                    raise DataError("has no text")
                row["text"] = normalize(row["text"])
                bundle.parts["ctc_tokenizer"].encode(row["text"])
                rows.append((row, load_image(row["image"])))
            except OcrError as error:
                left_out += 1
                print(f"{file}: row {row['id']}: {one_line(error)}", file=sys.stderr)
    aligned = align_lines(bundle, [image for _, image in rows], [row["text"] for row, _ in rows])
    for (row, _), (spans, fit) in zip(rows, aligned, strict=True):
        row["spans"], row["fit"] = spans, fit
    pq.write_table(pa.Table.from_pylist([row for row, _ in rows]), output)
    return len(rows), left_out
