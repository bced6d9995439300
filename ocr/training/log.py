"""Reading of the metrics that a training run has logged to CSV files."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from ocr.errors import DataError

Series = dict[int, float]
"""Values of one metric by the number of steps after which they were measured."""


def read_log(folder: str | Path) -> dict[str, Series]:
    """Read what Lightning's CSV logger wrote below `folder`, by name of the metric.

    A resumed run has a file for each part (`version_0`, `version_1` ...). It repeats the steps after its checkpoint,
    so that of each metric the later part counts from its first step on.

    Raises:
        DataError: a file cannot be read.
    """
    merged: dict[str, Series] = {}
    for path in sorted(Path(folder).glob("version_*/metrics.csv"), key=_version):
        part = read_metrics(path)
        start = min((step for series in part.values() for step in series), default=math.inf)
        for series in merged.values():
            for step in [step for step in series if step >= start]:
                del series[step]
        for name, series in part.items():
            merged.setdefault(name, {}).update(series)
    return {name: series for name, series in merged.items() if series}


def _version(path: Path) -> tuple[int, str]:
    number = path.parent.name.rpartition("_")[2]
    return (int(number) if number.isdecimal() else -1, path.parent.name)


def read_metrics(path: Path) -> dict[str, Series]:
    """Read one file of Lightning's CSV logger, by name of the metric. Raises DataError where it cannot be read."""
    series: dict[str, Series] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                # Lightning counts from 0; the last row of a run that is being written may be cut off.
                step = row.pop("step", None) or ""
                if not step.isdecimal():
                    continue
                for name, text in row.items():
                    value = _number(text)
                    if value is not None and name is not None and name != "epoch":
                        series.setdefault(name, {})[int(step) + 1] = value
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable as CSV ({error})") from error
    return series


def _number(text: str | list[str] | None) -> float | None:
    """Parse a cell; None where it is empty or no number."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return float(text)
    except ValueError:
        return None
