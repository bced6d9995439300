"""Files of synthetic lines, in shards that can be written by any number of workers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ocr.errors import DataError
from ocr.image.encode import encode_png
from ocr.synth.line import LineSynthesizer, SynthLine

_KEY = b"ocr.synth"

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", pa.binary()),
        ("text", pa.string()),
        ("page_id", pa.string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("writer", pa.string()),
        ("kind", pa.string()),
        ("width", pa.int32()),
        ("polygon", pa.list_(pa.int16())),
    ]
)
"""Columns of the line sets of the project; `writer` is the font."""


def shard_path(folder: str | Path, shard: int, shards: int) -> Path:
    """Return the path of shard `shard` of `shards`."""
    return Path(folder) / f"lines-{shard:05d}-of-{shards:05d}.parquet"


def write_shard(
    synthesizer: LineSynthesizer,
    folder: str | Path,
    *,
    shard: int,
    shards: int,
    count: int,
    seed: int,
    recipe: str = "",
) -> bool:
    """Write shard `shard` of `shards` of the `count` lines of a seed, unless the file exists.

    Line i depends on the seed and i alone, so that the set does not depend on the workers. A file gets its name once
    it is complete, so that two workers may write the same shard.

    Args:
        recipe: description of the synthesizer; stored in the file, and compared with that of an existing file.
    Returns:
        True where the file was written.
    Raises:
        DataError: the number of the shard is out of range, or a file of that name holds other lines.
    """
    if not 0 <= shard < shards <= count:
        raise DataError(f"shard {shard} of {shards} of {count} lines: expected 0 <= shard < shards <= lines")
    path = shard_path(folder, shard, shards)
    made_of = json.dumps({"seed": seed, "count": count, "recipe": recipe})
    if path.is_file():
        _check(path, made_of)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.uname().nodename}-{os.getpid()}")
    indices = range(shard * count // shards, (shard + 1) * count // shards)
    try:
        write_lines(synthesizer, indices, partial, seed=seed, made_of=made_of)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return True


def write_lines(
    synthesizer: LineSynthesizer,
    indices: range,
    path: str | Path,
    *,
    seed: int,
    made_of: str = "",
    batch: int = 500,
) -> None:
    """Write lines `indices` of a seed to one Parquet file, `batch` lines per row group."""
    schema = SCHEMA.with_metadata({_KEY: made_of})
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(indices), batch):
            rows = [
                _row(synthesizer.sample(np.random.default_rng([seed, index])), f"synthetic-{seed}-{index}")
                for index in indices[start : start + batch]
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _check(path: Path, made_of: str) -> None:
    """Compare the metadata of an existing file. Raises DataError where it holds other lines."""
    try:
        found = (pq.read_schema(path).metadata or {}).get(_KEY, b"").decode()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from error
    if found != made_of:
        raise DataError(f"{path}: holds other lines ({found or 'unknown'}), not {made_of}")


def _row(sample: SynthLine, line_id: str) -> dict:
    height, width = sample.image.shape
    # The outline in whole pixels, clipped to the crop, which may cut off its tips.
    polygon = np.clip(sample.polygon.round(), 0, (width - 1, height - 1)).astype(np.int16)
    return {
        "id": line_id,
        "image": encode_png(sample.image),
        "text": sample.text,
        "page_id": line_id,
        "source": "synthetic",
        "language": sample.language,
        "writer": sample.font,
        "kind": sample.kind,
        "width": width,
        "polygon": polygon.ravel().tolist(),
    }
