"""Labelled lines of any format as one Parquet manifest, which `train.py` and `evaluate.py` take.

    ocr to-parquet page 'pages/*.xml' lines.parquet
    ocr to-parquet alto 'pages/*.xml' lines.parquet --images scans
    ocr to-parquet iam IAM train.parquet --split train
    ocr to-parquet folder LINES lines.parquet

Files and lines that cannot be used are named on standard error and left out; at the end their number is told.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial

from ocr.data.formats.alto import AltoLines
from ocr.data.formats.iam import IamLines
from ocr.data.formats.page_lines import PageLines
from ocr.data.formats.page_xml import PageXmlLines
from ocr.data.lines.folder import FolderLines
from ocr.data.lines.manifest import write_manifest
from ocr.data.lines.sources import LineSource
from ocr.errors import ConfigError, DataError, OcrError, one_line


def source(
    form: str,
    path: str,
    *,
    split: str | None,
    images: str | None,
    on_problem: Callable[[DataError], None],
) -> LineSource:
    """The lines at `path` in the format `form`; `on_problem` is told of each file and line that is left out.

    Raises:
        ConfigError: an option that the format does not have.
        DataError: the lines cannot be read.
    """
    if split is not None and form != "iam":
        raise ConfigError(f"--split {split}: only iam has splits")
    if images is not None and form not in ("page", "alto"):
        raise ConfigError(f"--images {images}: only page and alto keep their images elsewhere")
    readers: dict[str, Callable[[str], LineSource]] = {
        "page": partial(PageXmlLines, images=images, on_problem=on_problem),
        "alto": partial(AltoLines, images=images, on_problem=on_problem),
        "iam": partial(IamLines, split=split, on_problem=on_problem),
        "folder": partial(FolderLines, on_problem=on_problem),
    }
    return readers[form](path)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 1 where something was left out, 2 where nothing was written."""
    parser = argparse.ArgumentParser(
        prog="ocr to-parquet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("format", choices=["page", "alto", "iam", "folder"])
    parser.add_argument("path", help="annotation files as a quoted pattern; IAM's folder; a folder of lines")
    parser.add_argument("output", help="Parquet file to write")
    parser.add_argument("--split", help="iam: train, val, test, or a file of ids")
    parser.add_argument("--images", help="page and alto: the folder of the page images")
    options = parser.parse_args(arguments)
    problems: list[DataError] = []
    try:
        lines = source(
            options.format,
            options.path,
            split=options.split,
            images=options.images,
            on_problem=problems.append,
        )
        unusable = write_manifest(lines, options.output)
    except (OcrError, OSError) as error:
        _tell(problems)
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
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
