"""Tables of runs as Markdown, CSV, JSON, or for a terminal."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ocr.evaluation.experiments import FIGURES, Comparison

MAX_SETTINGS = 4
"""Settings that are columns of the table; more of them go into a table of their own with one column per run."""
MAX_ROWS, MAX_TEXT = 30, 48
"""Settings of the table of its own, and characters of a value, that are shown; CSV and JSON have all."""


def as_markdown(table: Comparison) -> str:
    """Write a comparison as one or two tables."""
    return "\n\n".join(_markdown(heads, rows) for heads, rows in _blocks(table)) + "\n"


def as_csv(table: Comparison) -> str:
    """Write a comparison with one row per run, numbers in full."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _all_columns(table), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.rows)
    return text.getvalue()


def as_json(table: Comparison) -> str:
    """Write a comparison as a list of objects."""
    return json.dumps(table.rows, indent=1, ensure_ascii=False, default=str) + "\n"


def as_terminal(table: Comparison) -> str:
    """Draw a comparison with lines, at the width of the terminal; a pipe gets what is needed."""
    width = None if sys.stdout.isatty() else 400
    console = Console(width=width, file=io.StringIO())
    for heads, rows in _blocks(table):
        drawn = Table()
        for number, head in enumerate(heads):
            drawn.add_column(head, justify="right" if number and len(heads) > 1 else "left", overflow="fold")
        for row in rows:
            drawn.add_row(*row)
        console.print(drawn, markup=False, highlight=False)
    return console.file.getvalue()


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "table": as_terminal,
    "md": as_markdown,
    "csv": as_csv,
    "json": as_json,
}
"""Writers by the name of their format."""


def _all_columns(table: Comparison) -> list[str]:
    known = ["run", *table.settings, *FIGURES, *table.metrics]
    return [*known, *dict.fromkeys(key for row in table.rows for key in row if key not in known)]


def _blocks(table: Comparison) -> list[tuple[list[str], list[list[str]]]]:
    """Return heads and rows: settings and results in one table, or two where many settings differ."""
    many = len(table.settings) > MAX_SETTINGS
    averaged = ["runs"] if any("runs" in row for row in table.rows) else []
    # A metric that holds for all lines comes before those of single sets; loss and the like are in CSV and JSON.
    columns = ["run", *([] if many else table.settings), *averaged, *FIGURES, *table.metrics]
    columns = [name for name in columns if any(row.get(name) is not None for row in table.rows)]
    blocks = [(columns, [[_shown(row, name) for name in columns] for row in table.rows])]
    if many:
        heads = ["setting", *(row["run"] for row in table.rows)]
        rows = [[key, *(_plain(row[key]) for row in table.rows)] for key in table.settings[:MAX_ROWS]]
        if (left := len(table.settings) - MAX_ROWS) > 0:
            rows.append([f"... and {left} more", *("" for _ in table.rows)])
        blocks.append((heads, rows))
    return blocks


def _shown(row: dict[str, Any], name: str) -> str:
    value, deviation = row.get(name), row.get(f"{name} sd")
    if name in FIGURES and value is not None:
        return f"{value:,.0f}"
    return _plain(value) if deviation is None else f"{_plain(value)} ± {_plain(deviation)}"


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    # Settings are shown as they were written, measured values with two decimals or, if small, three.
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) >= 1.995 else f"{value:.4g}"
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
