"""Fit how a recogniser is decoded to labelled lines that it was not trained on.

    ocr fit BUNDLE 'DATA/lines/*-val.parquet' --kind handwritten
    ocr fit BUNDLE 'DATA/lines/*-val.parquet' --kind handwritten \
        --check 'DATA/lines/*-test.parquet' --store

First the weights of the beam search are fitted to the character error rate, then the calibration of each
strategy's confidences to the likelihood of what is right. `--store` puts both into the bundle's `bundle.json`, in
place; without it nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from ocr.bundle import Bundle, resolve
from ocr.data.lines.manifest import ParquetLines
from ocr.decoding import DECODERS, strategy_name
from ocr.errors import OcrError, one_line
from ocr.evaluation.fit import EncodedLines, fit_decoding
from ocr.evaluation.lines import Head


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("ocr fit", description=__doc__.split("\n\n")[0])
    parser.add_argument("bundle", help="name or folder")
    parser.add_argument("lines", nargs="+", help="Parquet files of lines to fit to")
    parser.add_argument("--check", nargs="+", help="Parquet files of other lines, to measure what was fitted")
    parser.add_argument("--kind", help="only lines of this kind, such as handwritten")
    parser.add_argument("--limit", type=int, help="only the first lines")
    parser.add_argument(
        "--decode", nargs="+", default=["ctc", "ctc_beam"], type=strategy_name, choices=list(DECODERS)
    )
    parser.add_argument("--store", action="store_true", help="write the result into the bundle's bundle.json")
    options = parser.parse_args(arguments)
    try:
        bundle = Bundle.load(options.bundle, kind="recognizer")
        sources = [
            None if files is None else ParquetLines(files, kind=options.kind)
            for files in (options.lines, options.check)
        ]
        fit, check = (
            None if source is None else EncodedLines.of(bundle, Head(source, options.limit or len(source)))
            for source in sources
        )
        decoding = fit_decoding(fit, options.decode, check=check)
        print(json.dumps(decoding))
        if options.store:
            path = resolve(options.bundle) / "bundle.json"
            content = json.loads(path.read_text(encoding="utf-8")) | {"decoding": decoding}
            path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OcrError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    return 0
