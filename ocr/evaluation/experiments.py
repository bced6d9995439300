"""Comparison of training runs: the settings in which they differ, and the best validation of each.

A run is a folder with the `config.yaml` and the CSV log that `ocr train` writes.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml

from ocr.errors import ConfigError, DataError, one_line
from ocr.training.log import Series, read_log

CONFIG = "config.yaml"

NO_SETTINGS = ("name", "run_dir", "bundle_name", "resume", "overwrite")
"""Keys that say where a run goes, not what it does."""

FIGURES = ("steps", "lines", "best step")
"""Columns of every table: steps done, lines seen in them, and the step of the best validation."""


@dataclass(frozen=True)
class Run:
    """A training run.

    Attributes:
        name: its folder, below that of all runs. settings: leaves of its configuration by dotted key, references to
            other keys unresolved. log: see `read_log`. monitor: metric that chooses the best step. sign: 1 where low
            values of it are good, -1 where high ones are.
    """

    name: str
    settings: Mapping[str, Any]
    log: Mapping[str, Series]
    monitor: str
    sign: int

    @property
    def steps(self) -> int:
        """Steps done, as far as they are logged."""
        return max((step for series in self.log.values() for step in series), default=0)

    @property
    def lines(self) -> int | None:
        """Lines seen: mean size of the logged batches times steps; None where it is not logged, as of detectors."""
        sizes = self.log.get("train/lines")
        return round(mean(sizes.values()) * self.steps) if sizes else None

    @property
    def best_step(self) -> int | None:
        """Step of the best validation, whose weights the bundle holds; None before the first validation."""
        scores = {
            step: value for step, value in self.log.get(self.monitor, {}).items() if math.isfinite(value)
        }
        return min(scores, key=lambda step: (self.sign * scores[step], step)) if scores else None

    def best(self) -> dict[str, float]:
        """Return the validation metrics at the best step, without the prefix `val/`."""
        step = self.best_step
        return {
            name.removeprefix("val/"): series[step]
            for name, series in self.log.items()
            if name.startswith("val/") and step in series
        }


def find_runs(folders: Sequence[str | Path], *, on_error: Callable[[str], None]) -> list[Run]:
    """Read the runs in `folders`; a folder that is no run stands for the runs below it, as `--multirun` makes them.

    Args:
        on_error: receives one line for each folder that is left out.
    Raises:
        ConfigError: there is no run at all.
    """
    runs: dict[Path, Run] = {}  # A run that is given twice is one run.
    for folder in map(Path, folders):
        if folder.is_file():
            continue  # Such as a log beside the runs, when a shell has listed them.
        places = [folder] if (folder / CONFIG).is_file() else _below(folder)
        if not places:
            on_error(f"{folder}: no run in it (`ocr train` writes {CONFIG} into each)")
        for place in places:
            try:
                runs.setdefault(place, read_run(place))
            except DataError as error:
                on_error(one_line(error))
    if not runs:
        more = " ..." if len(folders) > 3 else ""
        raise ConfigError(f"there is no run to compare in {', '.join(map(str, folders[:3]))}{more}")
    # Names without what all of them begin with.
    start = Path(os.path.commonpath([place.parent for place in runs]))
    return [replace(run, name=place.relative_to(start).as_posix()) for place, run in runs.items()]


def _below(folder: Path) -> list[Path]:
    """Find runs in a folder of runs, or of sweeps, in the order of their numbers."""
    found = {path.parent for pattern in (f"*/{CONFIG}", f"*/*/{CONFIG}") for path in folder.glob(pattern)}
    return sorted(found, key=lambda path: [_natural(part) for part in path.parts])


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def read_run(folder: Path) -> Run:
    """Read a run. Raises DataError where its configuration or its log cannot be read."""
    path = folder / CONFIG
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: cannot be read ({one_line(error)})") from error
    settings = _leaves(config) if isinstance(config, dict) else {}
    monitor, mode = settings.get("task.monitor"), settings.get("task.mode")
    if not isinstance(monitor, str):
        raise DataError(f"{path}: has no task.monitor; is it a configuration of `ocr train`?")
    return Run(str(folder), settings, read_log(folder / "csv"), monitor, -1 if mode == "max" else 1)


def _leaves(node: Any, prefix: str = "") -> dict[str, Any]:
    """List the values of nested dictionaries by dotted key; a list is one value."""
    if not isinstance(node, dict) or not node:
        return {prefix: node}
    leaves: dict[str, Any] = {}
    for key, value in node.items():
        leaves |= _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    return leaves


@dataclass(frozen=True)
class Comparison:
    """A table of runs.

    Attributes:
        settings: columns of settings. metrics: columns of validation metrics. rows: a dictionary per row with the
            keys `run`, those of `FIGURES`, `settings` and `metrics`; a metric that a run lacks is None. With `over`,
            also `runs` (how many the row stands for), and `METRIC sd`, the standard deviation, None for a single run.
    """

    settings: list[str]
    metrics: list[str]
    rows: list[dict[str, Any]]


def compare_runs(
    runs: Sequence[Run], *, settings: Sequence[str] | None = None, over: str | None = None
) -> Comparison:
    """Put runs side by side.

    Args:
        settings: patterns of the settings to show, such as `optim.*`; None shows those that differ.
        over: a setting, such as `seed`: runs that differ in it alone become one row with the means of their metrics.
    Raises:
        ConfigError: no run has a setting of a pattern, or the setting `over`.
    """
    keys = list(dict.fromkeys(key for run in runs for key in run.settings))
    for wanted in [*(settings or ()), *([over] if over else ())]:
        if not any(fnmatchcase(key, wanted) for key in keys):
            raise ConfigError(f"no run has a setting {wanted!r}")
    differing = _differing(runs, keys)
    if settings is not None:
        shown = [key for key in keys if any(fnmatchcase(key, pattern) for pattern in settings)]
    else:
        shown = [key for key in differing if key != over]
    names = dict.fromkeys(name for run in runs for name in run.best())
    metrics = sorted(names, key=lambda name: ("/" in name, name))
    if over is None:
        return Comparison(shown, metrics, [_row(run, shown, metrics) for run in runs])
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(tuple(_cell(run, key) for key in differing if key != over), []).append(run)
    return Comparison(shown, metrics, [_mean_row(group, shown, metrics) for group in groups.values()])


def _differing(runs: Sequence[Run], keys: Sequence[str]) -> list[str]:
    """List the settings in which runs differ, without copies of others.

    Of settings with the same last part and the same values, such as `data.train.source.seed` where a reference to
    `seed` was resolved, the one with the shortest key stays.
    """
    columns: dict[tuple[str, ...], str] = {}
    for key in sorted(keys, key=lambda key: key.count(".")):
        values = tuple(_cell(run, key) for run in runs)
        if key not in NO_SETTINGS and len(set(values)) > 1:
            columns.setdefault((key.rpartition(".")[2], *values), key)
    return [key for key in keys if key in columns.values()]


def _cell(run: Run, key: str) -> str:
    return repr(run.settings[key]) if key in run.settings else ""


def _row(run: Run, settings: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    best = run.best()
    figures = zip(FIGURES, (run.steps, run.lines, run.best_step), strict=True)
    shown = {key: run.settings.get(key) for key in settings} | dict(figures)
    return {"run": run.name} | shown | {name: best.get(name) for name in metrics}


def _mean_row(runs: Sequence[Run], settings: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    rows = [_row(run, settings, metrics) for run in runs]
    row = rows[0] | {"runs": len(runs)}
    for name in (*FIGURES, *metrics):
        values = [each[name] for each in rows if each[name] is not None]
        row[name] = mean(values) if values else None
        if name in metrics:
            row[f"{name} sd"] = stdev(values) if len(values) > 1 else None
    return row
