"""Where each character of a transcribed line stands, by forced alignment with a recogniser's CTC head.

    ocr align train.parquet --output aligned.parquet

reads line manifests and writes their rows again with two more columns: `spans`, the columns [start, end) of every
character of `text` in pixels of the stored image, and `fit`, the mean log-probability of a character under that
alignment; a label that says something else than the picture has a low one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ocr.bundle import Bundle
from ocr.errors import OcrError, one_line
from ocr.inference.align import align_manifest


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("ocr align", description=__doc__.split("\n\n")[0])
    parser.add_argument("manifests", nargs="+", help="Parquet files of lines")
    parser.add_argument("--output", required=True, help="Parquet file to write")
    parser.add_argument("--recognizer", default="ocr_small_handwritten", help="bundle with a CTC head")
    options = parser.parse_args(arguments)
    try:
        bundle = Bundle.load(options.recognizer, kind="recognizer")
        written, left_out = align_manifest(bundle, options.manifests, options.output)
    except OcrError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    print(f"{options.output}: {written} lines aligned, {left_out} left out")
    return 0
