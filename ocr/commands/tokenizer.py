"""Train a SentencePiece tokenizer.

example:
    ocr tokenizer --size 1024 --output pieces.model TEXT...
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.commands.options import CommandParser, positive, run


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _train(options: argparse.Namespace) -> None:
    from ocr.text.train_tokenizer import read_lines, train

    model = train(read_lines(options.files, options.limit), options.size)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(model)
    print(f"{options.output}: {options.size} pieces, {len(model)} bytes", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr tokenizer", doc=__doc__)
    parser.set_defaults(run=_train)
    add = parser.add_argument
    add("files", nargs="+", type=Path, help="UTF-8 text, a sentence per line")
    add("--output", type=Path, required=True, help="file to write, such as pieces.model")
    add("--size", type=int, default=1024, help="pieces, special ones and bytes included")
    add("--limit", type=positive, default=200_000, help="lines to train on")
    return parser
