"""Locate the characters of transcribed lines, pages or pen strokes by forced alignment with a CTC head.

examples:
    ocr align lines train.parquet --output aligned.parquet
    ocr align pages pages.jsonl --split train --output characters.jsonl
    ocr align strokes unipen-words.parquet --output located-unipen-words.parquet

`fit` in each result is the mean log-probability of a character under the alignment; a label that says something
else than the picture has a low one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.commands.options import CommandParser, positive, run
from ocr.inference.settings import RECOGNIZER

LINES = """Write the rows of line manifests again with two more columns.

`spans`: the columns [start, end) of every character of `text` in pixels of the stored image. `fit`: the mean
log-probability of a character.

example:
    ocr align lines train.parquet --output aligned.parquet
"""

PAGES = """Write a JSON line for each transcribed line of annotated pages.

`page` and `line`: their ids. `fit`: the mean log-probability of a character. `words`: for each word the outlines
of its characters in page pixels, from which the detector's word maps are trained.

example:
    ocr align pages pages.jsonl --split train --output characters.jsonl
"""

STROKES = """Write the rows of a file of pen strokes again with the places of their characters.

Rows with characters that the recognizer does not know are left out.

example:
    ocr align strokes unipen-words.parquet --output located-unipen-words.parquet --max-rows 400
"""


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _lines(options: argparse.Namespace) -> None:
    from ocr.inference.align import align_manifest

    written, left_out = align_manifest(_recognizer(options), options.manifests, options.output)
    print(f"{options.output}: {written} lines aligned, {left_out} left out")


def _pages(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ocr.data.pages.manifest import PagesManifest
    from ocr.errors import DataError, one_line
    from ocr.inference.align_pages import align_page

    bundle = _recognizer(options)
    pages = PagesManifest(options.pages, split=options.split, sources=options.sources)
    written = 0
    with Path(options.output).open("w", encoding="utf-8") as file:
        for index in tqdm(range(len(pages)), disable=None, leave=False):
            try:
                lines = align_page(bundle, *pages[index])
            except DataError as error:
                print(one_line(error), file=sys.stderr)
                continue
            for aligned in lines:
                row = {"page": pages.rows[index]["id"], "line": aligned.line.id, "fit": round(aligned.fit, 3)}
                row["words"] = [[quad.round(1).tolist() for quad in word] for word in aligned.words]
                file.write(json.dumps(row) + "\n")
            written += len(lines)
    print(f"{options.output}: {written} lines aligned")


def _strokes(options: argparse.Namespace) -> None:
    from ocr.inference.align_strokes import align_strokes

    bundle = _recognizer(options)
    limits = {"split": options.split, "max_rows": options.max_rows}
    written, left_out = align_strokes(bundle, options.file, options.output, **limits)
    print(f"{options.output}: {written} rows aligned, {left_out} left out")


def _recognizer(options: argparse.Namespace):
    from ocr.bundle import Bundle

    return Bundle.load(options.recognizer, kind="recognizer")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr align", doc=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)

    lines = kinds.add_parser("lines", help="lines of Parquet manifests", doc=LINES)
    lines.set_defaults(run=_lines)
    lines.add_argument("manifests", nargs="+", help="Parquet files of lines")

    pages = kinds.add_parser("pages", help="lines of annotated pages", doc=PAGES)
    pages.set_defaults(run=_pages)
    pages.add_argument("pages", help="manifest of annotated pages (JSON lines)")
    pages.add_argument("--split", help="only pages of this split")
    pages.add_argument("--sources", nargs="+", help="only pages of these sets")

    strokes = kinds.add_parser("strokes", help="recorded pen strokes", doc=STROKES)
    strokes.set_defaults(run=_strokes)
    strokes.add_argument("file", help="Parquet file of strokes, as `ocr convert unipen` writes it")
    strokes.add_argument("--split", default="train", help="only rows of this split")
    strokes.add_argument("--max-rows", type=positive, default=400, help="of each writer, evenly spread")

    for kind in (lines, pages, strokes):
        kind.add_argument("--output", required=True, help="file to write")
        kind.add_argument("--recognizer", default=RECOGNIZER, help="bundle with a CTC head")
    return parser
