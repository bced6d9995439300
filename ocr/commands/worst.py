"""A picture of the lines that a recogniser reads worst, sorted by what may be the cause.

    uv run evaluate.py bundle=NAME data=parquet data.path=lines.parquet predictions=readings.jsonl
    uv run ocr worst readings.jsonl lines.parquet --output worst.jpg

Takes the worst lines of each collection. Standard output gets a table of the causes: of how many lines of all each
holds, and how well those and the others are read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.data.lines.manifest import ParquetLines
from ocr.errors import ConfigError, OcrError, one_line
from ocr.evaluation.analysis.worst import (
    draw_sheet,
    measured_lines,
    print_causes,
    read_predictions,
    worst_of_each_source,
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("ocr worst", description=__doc__.split("\n\n")[0])
    parser.add_argument("predictions", help="JSON lines of evaluate.py predictions=")
    parser.add_argument("lines", nargs="+", help="Parquet files that were evaluated")
    parser.add_argument("--output", required=True, type=Path, help="picture to write, such as worst.jpg")
    parser.add_argument("--count", type=int, default=8, help="lines of each source")
    options = parser.parse_args(arguments)
    try:
        if options.count < 1:
            raise ConfigError(f"--count must be at least 1, got {options.count}")
        lines = measured_lines(read_predictions(options.predictions), ParquetLines(options.lines))
        print_causes(lines)
        try:
            draw_sheet(worst_of_each_source(lines, options.count)).save(options.output, quality=60)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{options.output}: cannot be written ({one_line(error)})") from error
    except OcrError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    return 0
