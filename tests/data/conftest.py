"""Manifests of lines."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.lines import row
from tests.helpers.pictures import picture, png


@pytest.fixture
def write_parquet(tmp_path: Path):
    """`write(rows, name, drop=())`: a manifest of the shared schema with defaults filled in."""

    def write(rows: list[dict], name: str = "lines.parquet", drop: tuple[str, ...] = ()) -> Path:
        full = [row(i, png(picture(40 + i))) | changes for i, changes in enumerate(rows)]
        table = pa.Table.from_pylist(full).drop_columns(list(drop))
        pq.write_table(table, tmp_path / name)
        return tmp_path / name

    return write
