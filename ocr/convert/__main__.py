"""Convert published weights to a bundle that infer.py, evaluate.py and train.py take.

python -m ocr.convert trocr FOLDER DST    # a Hugging Face TrOCR checkpoint: a recogniser
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.bundle import Bundle
from ocr.convert.trocr import convert_trocr
from ocr.errors import OcrError, one_line

USES = {
    "recognizer": "uv run infer.py recognizer={} detector=none input=LINE.png",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status: 2 where the weights cannot be converted."""
    parser = argparse.ArgumentParser(
        prog="python -m ocr.convert",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    trocr = kinds.add_parser("trocr", help="a Hugging Face TrOCR checkpoint folder")
    for kind in (trocr,):
        kind.add_argument("source", type=Path)
        kind.add_argument("destination", type=Path, help="folder of the bundle; made, or its bundle replaced")
        kind.add_argument("--half", action="store_true", help="store half precision, which may change a text")
    options = parser.parse_args(arguments)
    try:
        bundle = convert(options)
        bundle.save(options.destination, half=options.half)
    except OcrError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or options.destination}: {error.strerror or error}", file=sys.stderr)
        return 2
    for key, value in bundle.description.get("not_carried_over", {}).items():
        print(f"not carried over: {key}={value}", file=sys.stderr)
    print(f"{options.destination}: a {bundle.kind} of {bundle.parameters / 1e6:.1f} million parameters")
    print(USES[bundle.kind].format(options.destination))
    return 0


def convert(options: argparse.Namespace) -> Bundle:
    """The bundle that the options describe. Raises WeightsError."""
    name = options.destination.resolve().name
    return convert_trocr(options.source, name=name)


if __name__ == "__main__":
    sys.exit(main())
