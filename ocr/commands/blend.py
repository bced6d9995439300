"""Mix the weights of an adapted bundle with those it started from: a little less of the hand, far less forgotten.

example:
    ocr blend ocr_small_handwritten runs/adapt/bundle --share 0.7 --output mixed

Measure both on lines of the hand and of others (`ocr evaluate`), and choose the share by lines that trained neither.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.commands.options import CommandParser, run


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _blend(options: argparse.Namespace) -> None:
    from ocr.bundle import Bundle
    from ocr.bundle.blend import blend

    mixed = blend(Bundle.load(options.start), Bundle.load(options.adapted), share=options.share)
    print(f"{mixed.save(options.output)}: {options.share:g} of {options.adapted}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr blend", doc=__doc__)
    parser.set_defaults(run=_blend)
    add = parser.add_argument
    add("start", help="bundle that was adapted")
    add("adapted", help="bundle that came of it")
    add("--share", type=float, default=0.7, help="weight of the adapted bundle, 0 to 1")
    add("--output", type=Path, required=True, help="folder to write")
    return parser
