"""Columns of Parquet files that others wrote: the types that the code counts on, or one line."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ocr.errors import DataError
from ocr.tables import check_filled, list_lengths, read_columns

TYPES = {"text": pa.string(), "fit": pa.float32(), "spans": pa.list_(pa.float32())}
WHOLE = {"text": ["a", "b"], "fit": [0.5, 1.0], "spans": [[1.0, 2.0], []]}


def write(path, **columns):
    pq.write_table(
        pa.table({key: value for key, value in (WHOLE | columns).items() if value is not None}), path
    )
    return path


def test_columns_come_in_the_wanted_types(tmp_path):
    table = read_columns(write(tmp_path / "a.parquet", fit=[1, 2], more=[1, 2]), TYPES)
    assert table.schema == pa.schema(TYPES)
    assert table.column("fit").to_pylist() == [1.0, 2.0] and list_lengths(table, "spans") == [2, 0]
    check_filled(tmp_path, table, "fit", "spans")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": None}, "missing column text"),
        ({"fit": ["x", "y"]}, "column fit holds string, expected float"),
        ({"fit": [{"a": 1}, {"a": 2}]}, "column fit holds struct"),
        ({"spans": [1, 2]}, "column spans holds int64"),
        ({"text": pa.array([b"\xff", b"a"])}, "column text holds binary, expected string"),
    ],
)
def test_other_types_are_refused_in_one_line(tmp_path, columns, message):
    with pytest.raises(DataError, match=message) as caught:
        read_columns(write(tmp_path / "a.parquet", **columns), TYPES)
    assert "a.parquet" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "columns",
    [
        {"fit": [None, 1.0]},
        {"fit": [float("nan"), 1.0]},
        {"spans": [[None], []]},
        {"spans": [[float("inf")], []]},
    ],
)
def test_missing_and_infinite_values_are_refused(tmp_path, columns):
    table = read_columns(write(tmp_path / "a.parquet", **columns), TYPES)
    with pytest.raises(DataError, match="without a value"):
        check_filled(tmp_path / "a.parquet", table, "fit", "spans")
