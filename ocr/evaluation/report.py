"""Output of reports as tables and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ocr.errors import ConfigError
from ocr.evaluation.analysis.confusions import describe

COLUMNS = {
    "lines": "lines",
    "pages": "pages",
    "cer": "CER %",
    "cer_ci": "95 %",
    "wer": "WER %",
    "exact": "exact %",
    "ece_word": "ECE % word",
    "cer_any_order": "CER % any order",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "order_error": "order error",
}
SPEED = {"seconds": "s", "lines_per_second": "lines/s", "pages_per_second": "pages/s"}
"""Columns of a comparison that are measured over all sources together."""
MAX_SKIPPED = 5
"""Number of skipped rows that are printed; the JSON lists all."""


def print_report(
    report: dict[str, Any], *, title: str, confusions: int = 0, console: Console | None = None
) -> None:
    """Print a table with one row per source and one for all, the most frequent confusions, then the skipped rows."""
    console = console or _console()
    columns = [key for key in COLUMNS if key in report]
    table = Table(title=title, title_justify="left")
    table.add_column("source")
    for key in columns:
        table.add_column(COLUMNS[key], justify="right")
    sources = report["per_source"]
    for name, values in sources.items() if len(sources) > 1 else ():
        table.add_row(name, *(_cell(key, values[key]) for key in columns))
    table.add_section()
    table.add_row("all" if len(sources) > 1 else next(iter(sources)), *(_cell(k, report[k]) for k in columns))
    console.print(table)
    speeds = [f"{report[key]} {key.replace('_', ' ')}" for key in report if key.endswith("_per_second")]
    console.print(f"{report['seconds']:.1f} s, {', '.join(speeds)}", highlight=False)
    rows = report.get("confusions", [])[:confusions]
    if rows:
        shown = (f"{describe(row['reference'], row['reading'])} {row['count']}" for row in rows)
        console.print("most confused: " + ", ".join(shown), markup=False, highlight=False)
    _print_skipped(report["skipped"], console)


def print_comparison(
    rows: Sequence[tuple[str, dict[str, Any]]], *, title: str, console: Console | None = None
) -> None:
    """Print reports on the same data side by side: for each source and for all, one row per engine."""
    console = console or _console()
    keys = [key for key in COLUMNS if any(key in report for _, report in rows)]
    speeds = [key for key in SPEED if any(key in report for _, report in rows)]
    table = Table(title=title, title_justify="left")
    table.add_column("source")
    table.add_column("engine", no_wrap=True)
    for key in (*keys, *speeds):
        table.add_column((COLUMNS | SPEED)[key], justify="right")
    first = rows[0][1]
    sources = list(first["per_source"])
    for source in sources if len(sources) > 1 else ():
        for number, (name, report) in enumerate(rows):
            values = report["per_source"][source]
            table.add_row("" if number else source, name, *(_cell(key, values.get(key)) for key in keys))
        table.add_section()
    for number, (name, report) in enumerate(rows):
        cells = [_cell(key, report.get(key)) for key in keys]
        cells += [f"{report[key]:.1f}" if key == "seconds" else f"{report[key]:.2f}" for key in speeds]
        table.add_row("" if number else "all" if len(sources) > 1 else sources[0], name, *cells)
    console.print(table)
    _print_skipped(first["skipped"], console)


def _console() -> Console:
    # A pipe has no width; the default of 80 columns would cut the table.
    return Console(width=None if sys.stdout.isatty() else 160)


def _print_skipped(skipped: Sequence[dict[str, Any]], console: Console) -> None:
    for row in skipped[:MAX_SKIPPED]:
        console.print(f"skipped row {row['row']}: {row['reason']}", markup=False, highlight=False)
    if len(skipped) > MAX_SKIPPED:
        console.print(f"... and {len(skipped) - MAX_SKIPPED} more rows skipped")


def write_report(report: dict[str, Any], path: str | Path) -> None:
    """Write a report as JSON. Raises ConfigError if the file cannot be written."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error


def write_lines(rows: Sequence[Any], path: str | Path) -> None:
    """Write rows as JSON Lines. Raises ConfigError if the file cannot be written."""
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if key.endswith("_ci"):
        return f"{value[0]:.1f} - {value[1]:.1f}"
    if isinstance(value, int):
        return str(value)
    return f"{value:.2f}" if key in ("cer", "wer", "exact", "ece_word", "cer_any_order") else f"{value:.3f}"
