"""Fit the decoding of a recognizer to labeled lines that it was not trained on.

examples:
    ocr fit BUNDLE 'DATA/lines/*-val.parquet' --kind handwritten
    ocr fit BUNDLE 'DATA/lines/*-val.parquet' --kind handwritten \\
        --check 'DATA/lines/*-test.parquet' --store

First the weights of the beam search are fitted to the character error rate, then the calibration of each
strategy's confidences to the likelihood of the true text. `--store` writes both into the bundle's `bundle.json`, in
place; without it nothing is written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from ocr.commands.options import CommandParser, positive, run


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _fit(options: argparse.Namespace) -> None:
    from ocr.bundle import Bundle, resolve
    from ocr.bundle.schema import update_description
    from ocr.data.lines.manifest import ParquetLines
    from ocr.decoding import get_decoder, strategy_name
    from ocr.evaluation.fit import EncodedLines, fit_decoding
    from ocr.evaluation.lines import Head

    for name in options.decode:
        get_decoder(name)  # An unknown one is refused before anything is read.
    bundle = Bundle.load(options.bundle, kind="recognizer")
    sources = [
        None if files is None else ParquetLines(files, kind=options.kind)
        for files in (options.lines, options.check)
    ]
    lines, check = (
        None if source is None else EncodedLines.of(bundle, Head(source, options.limit or len(source)))
        for source in sources
    )
    decoding = fit_decoding(lines, [strategy_name(name) for name in options.decode], check=check)
    print(json.dumps(decoding))
    if options.store:
        update_description(resolve(options.bundle, to_write=True), decoding=decoding)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr fit", doc=__doc__)
    parser.set_defaults(run=_fit)
    add = parser.add_argument
    add("bundle", help="name or folder")
    add("lines", nargs="+", help="Parquet files of lines to fit to")
    add("--check", nargs="+", help="Parquet files of other lines, to measure the result")
    add("--kind", help="only lines of this kind, such as handwritten")
    add("--limit", type=positive, help="only the first lines")
    add(
        "--decode",
        nargs="+",
        default=["ctc", "ctc_beam"],
        help="strategies to calibrate: ctc, ctc_beam, greedy, beam, rescore (default: ctc ctc_beam)",
    )
    add("--store", action="store_true", help="write the result into the bundle's bundle.json")
    return parser
