"""Parquet files that others wrote: columns of the types that the code counts on, or one line that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ocr.errors import DataError, shortened


def read_columns(path: Path, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Read columns of a Parquet file, converted to the given types; others are left out.

    Raises:
        DataError: the file cannot be read, lacks a column, or a value is not of its type, such as text that is not
            UTF-8.
    """
    try:
        schema = pq.read_schema(path)
        if missing := [name for name in types if name not in schema.names]:
            raise DataError(f"{path}: missing column {', '.join(missing)}")
        table = pq.read_table(path, columns=list(types))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({shortened(error)})") from error
    for name, wanted in types.items():
        column = table.column(name)
        try:
            column = column.cast(wanted)
            column.validate(full=True)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(
                f"{path}: column {name} holds {column.type}, expected {wanted}: {shortened(error)}"
            ) from error
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def check_filled(path: Path, table: pa.Table, *columns: str) -> None:
    """Raise DataError where a row of these columns, or a list in one, lacks a value or has one that is not finite."""
    for name in columns:
        column = table.column(name)
        values = pc.list_flatten(column) if pa.types.is_list(column.type) else column
        finite = not pa.types.is_floating(values.type) or pc.all(pc.is_finite(values)).as_py() is not False
        if column.null_count or values.null_count or not finite:
            raise DataError(f"{path}: column {name} has rows without a value, or with one that is not finite")


def list_lengths(table: pa.Table, column: str) -> list[int]:
    """Count the values of each row of a column of lists; rows without a list have none."""
    return pc.fill_null(pc.list_value_length(table.column(column)), 0).to_pylist()
