"""Memory that a source of lines takes while a worker reads them in the order of training.

    python benchmarks/shards_memory.py manifest.ParquetLines
    python benchmarks/shards_memory.py shards.ParquetShards

Writes 400 MB of lines first: a picture with random bytes after its end, so that nothing compresses.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ocr.data.lines.mix import MixedLines

FILES, GROUPS, ROWS, READ = 4, 10, 500, 4000


def main(source: str) -> None:
    module, name = source.split(".")
    kind = getattr(importlib.import_module(f"ocr.data.{module}"), name)
    picture = cv2.imencode(".png", np.full((64, 400), 255, np.uint8))[1].tobytes()
    with tempfile.TemporaryDirectory() as folder:
        for file in range(FILES):
            schema = pa.schema(
                {"id": pa.string(), "image": pa.binary(), "text": pa.string(), "width": pa.int32()}
            )
            with pq.ParquetWriter(Path(folder) / f"{file}.parquet", schema) as writer:
                for group in range(GROUPS):
                    rows = [
                        {
                            "id": f"{file}-{group}-{row}",
                            "image": picture + os.urandom(20_000),
                            "text": "a",
                            "width": 400,
                        }
                        for row in range(ROWS)
                    ]
                    writer.write_table(pa.Table.from_pylist(rows, schema))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        lines = MixedLines({"lines": kind(f"{folder}/*.parquet")})
        for position in range(READ):
            lines.at(position)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{source}: {FILES * GROUPS * ROWS} lines, at most {(after - before) / 1024:.0f} MB more than before"
    )


if __name__ == "__main__":
    main(sys.argv[1])
