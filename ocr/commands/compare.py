"""Compare training runs: a table of the settings in which they differ and of the best validation of each.

examples:
    ocr compare runs/first runs/second
    ocr compare runs/sweep --output sweep.md                    # all runs of a sweep by --multirun
    ocr compare runs/ablation --mean-over seed --format md
    ocr compare runs/* --settings 'optim.*' seed --plot curves.png

The metrics of a row are those of the step with the best `task.monitor`, whose weights the bundle of the run holds.
Runs that cannot be read are named on standard error and left out. Exit status: 0; 1 where a folder was left out; 2 if
there is nothing to compare.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.commands.options import CommandParser, run
from ocr.errors import ConfigError

FORMATS = ("table", "md", "csv", "json")


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _compare(options: argparse.Namespace) -> int:
    from ocr.evaluation.experiments import compare_runs, find_runs
    from ocr.evaluation.tables import FORMATS

    left_out: list[str] = []
    runs = find_runs(options.runs, on_error=left_out.append)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    table = compare_runs(runs, settings=options.settings, over=options.mean_over)
    text = FORMATS[_format(options)](table)
    if options.output is None:
        print(text, end="")
    else:
        options.output.write_text(text, encoding="utf-8")
    if options.plot is not None:
        from ocr.training.curves import compare_curves

        metric = options.metric or runs[0].monitor
        curves = {each.name: each.log[metric] for each in runs if metric in each.log}
        if not curves:
            raise ConfigError(f"no run has logged {metric!r}")
        compare_curves(curves, options.plot, metric=metric)
    return 1 if left_out else 0


def _format(options: argparse.Namespace) -> str:
    """Return the name of the format that was asked for, or that the name of the output ends with."""
    if options.format is not None:
        return options.format
    ending = "table" if options.output is None else options.output.suffix.removeprefix(".")
    if ending not in FORMATS:
        raise ConfigError(f"{options.output}: ends with none of .md, .csv, .json; choose one by --format")
    return ending


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr compare", doc=__doc__)
    parser.set_defaults(run=_compare)
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="folder of a run, or of several")
    add(
        "--settings",
        nargs="+",
        metavar="KEY",
        help="settings to show, with * and ?; default: those that differ",
    )
    add("--mean-over", metavar="KEY", help="average the runs that differ in this setting alone, such as seed")
    add("--format", choices=FORMATS, help="default: that of the output's name; table on the terminal")
    add("--output", type=Path, metavar="FILE", help="file for the table: .md, .csv or .json")
    add("--plot", type=Path, metavar="PICTURE", help="draw a metric of all runs over their steps")
    add("--metric", help="metric to draw, such as val/copiste/cer; default: the monitored one")
    return parser
