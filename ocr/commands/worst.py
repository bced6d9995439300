"""Draw the lines that a recognizer reads worst, sorted by likely causes.

examples:
    ocr evaluate bundle=NAME data=parquet data.path=lines.parquet predictions=readings.jsonl
    ocr worst readings.jsonl lines.parquet --output worst.jpg

Takes the worst lines of each collection. Standard output gets a table of the causes: the share of all lines that
each holds, and the error rates of those and of the others. `ocr evaluate ... worst=worst.jpg` does the same at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ocr.commands.options import CommandParser, positive, run


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _draw(options: argparse.Namespace) -> None:
    from ocr.data.lines.manifest import ParquetLines
    from ocr.evaluation.analysis import worst

    lines = worst.measured_lines(worst.read_predictions(options.predictions), ParquetLines(options.lines))
    worst.print_causes(lines)
    worst.write_sheet(worst.worst_of_each_source(lines, options.count), options.output)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr worst", doc=__doc__)
    parser.set_defaults(run=_draw)
    parser.add_argument("predictions", help="JSON lines that `ocr evaluate predictions=` wrote")
    parser.add_argument("lines", nargs="+", help="Parquet files that were evaluated")
    parser.add_argument("--output", required=True, type=Path, help="picture to write, such as worst.jpg")
    parser.add_argument("--count", type=positive, default=8, help="lines of each source")
    return parser
