"""Damage to bytes, JSON values, XML trees and Parquet tables, drawn from a random generator."""

from __future__ import annotations

import copy
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
from lxml import etree

from tests.helpers.hostile import HOSTILE

HOSTILE_TEXT = (
    "",
    " ",
    "nan",
    "-inf",
    "1e400",
    "3e8",
    "-1",
    "0",
    "1.5",
    "9" * 5000,
    "x",
    "٣",
    "1,2 3",
    "1,2 3,4",
    "0,0 0,0 0,0",
    "-9,-9 9e9,9 5,5",
    "../../none.png",
    "case",
    "/dev/null",
    "http://[",
    "a" * 5000,
    "\u202e\u0301",
)
"""The same for text, such as attributes of XML and options of commands."""


def choose(rng: np.random.Generator, options: Any) -> Any:
    """Draw one of a sequence."""
    return options[int(rng.integers(len(options)))]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes, mostly near the start, where headers are; cut out or double pieces; lose the end."""
    bad = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        where = int(rng.integers(0, len(bad)) if rng.random() < 0.5 else rng.integers(0, min(len(bad), 160)))
        length = int(rng.integers(1, 40))
        match rng.integers(0, 6):
            case 0:
                bad[where] = int(rng.integers(0, 256))
            case 1:
                bad[where] ^= 1 << int(rng.integers(0, 8))
            case 2:
                bad[where : where + 4] = bytes([int(rng.choice([0, 255, 127, 128]))]) * 4
            case 3:
                del bad[where : where + length]
            case 4:
                bad[where:where] = bad[where : where + length]
            case 5:
                del bad[max(where, 12) :]
        bad = bad or bytearray(b"\0")
    return bytes(bad)


def mended_png(content: bytes) -> bytes:
    """Give a PNG right checksums, so that its damage is not found by these alone."""
    mended, start = content[:8], 8
    while start + 8 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], "big")
        body = content[start + 4 : end]
        mended += content[start : start + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        start = end + 4
    return mended


def damaged_value(value: Any, rng: np.random.Generator) -> Any:
    """Copy a JSON value with one to three of the values in it replaced, removed, or given another's name."""
    value = copy.deepcopy(value)
    for _ in range(int(rng.choice((1, 1, 1, 2, 3)))):
        inside = [place for place in _places(value) if place]
        if not inside:
            break
        *way, last = choose(rng, inside)
        holder = value
        for key in way:
            holder = holder[key]
        kind = rng.random()
        if kind < 0.7:
            holder[last] = copy.deepcopy(choose(rng, HOSTILE))
        elif kind < 0.85:
            del holder[last]
        elif isinstance(holder, dict):
            holder["x" + str(last)] = holder.pop(last)
    return value


def _places(value: Any, at: tuple = ()) -> list[tuple]:
    """List the ways to all values inside of a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    return [at, *(place for key, item in items for place in _places(item, (*at, key)))]


def damaged_xml(content: bytes, rng: np.random.Generator) -> bytes:
    """Change attributes, texts, names and the order of elements; or only bytes."""
    if rng.random() < 0.25:
        return damaged(content, rng)
    root = etree.fromstring(content)
    for _ in range(rng.integers(1, 5)):
        element = choose(rng, [item for item in root.iter() if isinstance(item.tag, str)])
        match rng.integers(0, 8):
            case 0 | 1 | 2 if element.attrib:
                key = choose(rng, list(element.attrib))
                element.set(key, _for_xml(choose(rng, HOSTILE_TEXT)))
            case 3 if element.attrib:
                del element.attrib[choose(rng, list(element.attrib))]
            case 4:
                element.text = _for_xml(choose(rng, HOSTILE_TEXT))
            case 5 if element is not root:
                element.getparent().remove(element)
            case 6 if element is not root:
                element.addnext(copy.deepcopy(element))
            case 7:
                other = choose(rng, [item for item in root.iter() if isinstance(item.tag, str)])
                deep = copy.deepcopy(element)
                for _ in range(int(rng.choice((1, 3, 100)))):
                    outer = etree.Element(other.tag)
                    outer.append(deep)
                    deep = outer
                other.append(deep)
    return etree.tostring(root)


def _for_xml(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def damaged_table(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Give one to three columns other values or types, take them out, or name them otherwise."""
    for _ in range(int(rng.choice((1, 1, 2, 3)))):
        if not table.num_columns:
            break
        index = int(rng.integers(table.num_columns))
        name, rows = table.column_names[index], table.num_rows
        match rng.integers(0, 7):
            case 0:
                table = table.remove_column(index)
            case 1:
                table = table.set_column(index, "x" + name, table.column(index))
            case 2:
                table = table.set_column(index, name, _column(choose(rng, _COLUMNS), rows))
            case 3:
                table = table.set_column(index, name, pa.nulls(rows, table.column(index).type))
            case 4 | 5 | 6:
                table = table.set_column(index, name, _spoiled(table.column(index), rng))
    return table


_COLUMNS = (
    pa.array([None]),
    pa.array([3]),
    pa.array([-1.5]),
    pa.array([float("nan")]),
    pa.array([2**62]),
    pa.array([True]),
    pa.array(["x"]),
    pa.array([""]),
    pa.array([b"\xff\xfe"]),
    pa.array([["x"]]),
    pa.array([[1]]),
    pa.array([[None, 1.0]]),
    pa.array([[1e38, float("inf")]]),
    pa.array([{"bytes": b"x"}]),
    pa.array([{"path": "x"}]),
    pa.array([["x"], []]).slice(1),
)


def _column(value: pa.Array, rows: int) -> pa.Array:
    return pa.concat_arrays([value] * rows) if rows else value.slice(0, 0)


def _spoiled(column: pa.ChunkedArray, rng: np.random.Generator) -> pa.ChunkedArray | pa.Array:
    """Change a value of a column, of the type that the column has."""
    values, row = column.to_pylist(), int(rng.integers(max(1, len(column))))
    if not values:
        return column
    value = values[row]
    if isinstance(value, bytes):
        values[row] = damaged(value or b"\0", rng)
    elif isinstance(value, str):
        values[row] = choose(rng, HOSTILE_TEXT)
    elif isinstance(value, list):
        values[row] = choose(rng, (value[:-1], value[:1], [], value * 40, [0 * item for item in value], None))
    elif isinstance(value, float):
        values[row] = choose(rng, (0.0, -1.0, 1e30, float("nan"), float("inf")))
    else:
        values[row] = choose(rng, (0, -1, 2**15 - 1, None))
    try:
        return pa.array(values, column.type)
    except (pa.ArrowException, OverflowError):
        return column
