"""Columns of line manifests: which there are, and what each may hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from ocr.errors import DataError

REQUIRED_COLUMNS = ("id", "image", "text", "width")
OPTIONAL_COLUMNS = ("page_id", "source", "language", "writer", "kind", "polygon")
MANIFEST_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", pa.binary()),
        ("text", pa.string()),
        *((column, pa.string()) for column in ("page_id", "source", "language", "writer", "kind")),
        ("width", pa.int32()),
        ("polygon", pa.list_(pa.float32())),
    ]
)
"""Columns of a manifest that is written."""


def columns_of(schema: pa.Schema, *, file: Path) -> list[str]:
    """The columns of a manifest that are read.

    Raises:
        DataError: `file` lacks one that must be there, or one holds values of another type.
    """
    missing = [column for column in REQUIRED_COLUMNS if column not in schema.names]
    if missing:
        raise DataError(f"{file}: missing column {', '.join(missing)}")
    columns = [*REQUIRED_COLUMNS, *(column for column in OPTIONAL_COLUMNS if column in schema.names)]
    for column in columns:
        usable, expected = _TYPES.get(column, (_is_text, "text"))
        found = schema.field(column).type
        if not usable(found) and not pa.types.is_null(found):
            raise DataError(f"{file}: column {column} holds {found}, expected {expected}")
    return columns


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_id(kind: pa.DataType) -> bool:
    return _is_text(kind) or pa.types.is_integer(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _is_image(kind.field(index).type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def _is_polygon(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_list(kind) for is_list in lists) and _is_number(kind.value_type)


_TYPES: dict[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "id": (_is_id, "text or whole numbers"),
    "page_id": (_is_id, "text or whole numbers"),
    "image": (_is_image, "bytes, or a struct with bytes"),
    "width": (_is_number, "numbers"),
    "polygon": (_is_polygon, "lists of numbers"),
}
"""What a column may hold, for those that hold no text: a test of its type, and what it expects."""
