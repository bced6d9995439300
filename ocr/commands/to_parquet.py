"""Collect labeled lines of any format in one Parquet manifest, for training and evaluation.

examples:
    ocr to-parquet page 'pages/*.xml' --output lines.parquet
    ocr to-parquet alto 'pages/*.xml' --output lines.parquet --images scans
    ocr to-parquet iam IAM --output train.parquet --split train
    ocr to-parquet folder LINES --output lines.parquet

Files and lines that cannot be used are named on standard error and left out; at the end their number is told. Exit
status: 0; 1 where something was left out; 2 where nothing was written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ocr.commands.options import CommandParser, run
from ocr.errors import ConfigError, DataError, OcrError, one_line

if TYPE_CHECKING:
    from ocr.data.lines.sources import LineSource

FORMATS = ("page", "alto", "iam", "folder")


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _collect(options: argparse.Namespace) -> int:
    from ocr.data.formats.page_lines import PageLines
    from ocr.data.lines.manifest import write_manifest

    problems: list[DataError] = []
    try:
        lines = _source(options, on_problem=problems.append)
        unusable = write_manifest(lines, options.output)
    except (OcrError, OSError):
        _tell(problems)
        raise
    problems += unusable
    _tell(problems)
    left_out = f", {len(problems)} left out" if problems else ""
    if isinstance(lines, PageLines) and lines.without_text:
        left_out += f", {lines.without_text} without text"
    print(f"{options.output}: {len(lines) - len(unusable)} lines{left_out}")
    return 1 if problems else 0


def _tell(problems: Sequence[DataError]) -> None:
    for problem in problems:
        print(f"left out: {one_line(problem)}", file=sys.stderr)


def _source(options: argparse.Namespace, *, on_problem: Callable[[DataError], None]) -> LineSource:
    """Open the lines; `on_problem` gets each file and line that is left out.

    Raises:
        ConfigError: the format does not have an option that was given.
        DataError: the lines cannot be read.
    """
    from ocr.data.formats.alto import AltoLines
    from ocr.data.formats.iam import IamLines
    from ocr.data.formats.page_xml import PageXmlLines
    from ocr.data.lines.folder import FolderLines

    split, images = options.split, options.images
    if split is not None and options.format != "iam":
        raise ConfigError(f"--split {split}: only iam has splits")
    if images is not None and options.format not in ("page", "alto"):
        raise ConfigError(f"--images {images}: only page and alto keep their images elsewhere")
    readers: dict[str, Callable[[str], LineSource]] = {
        "page": partial(PageXmlLines, images=images, on_problem=on_problem),
        "alto": partial(AltoLines, images=images, on_problem=on_problem),
        "iam": partial(IamLines, split=split, on_problem=on_problem),
        "folder": partial(FolderLines, on_problem=on_problem),
    }
    return readers[options.format](options.path)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr to-parquet", doc=__doc__)
    parser.set_defaults(run=_collect)
    add = parser.add_argument
    add("format", choices=FORMATS, help="format of the lines: page, alto, iam or folder")
    add("path", help="annotation files as a quoted pattern; IAM's folder; a folder of lines")
    add("--output", required=True, help="Parquet file to write")
    add("--split", help="iam: train, val, test, or a file of ids")
    add("--images", help="page and alto: the folder of the page images")
    return parser
