"""Train a character n-gram model for the beam search.

example:
    ocr ngram --order 7 --megabytes 12 --output western.ngram TEXT...

Modified Kneser-Ney smoothing, pruned to the size asked for.
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
    from safetensors.numpy import save_file

    from ocr.text.ngram_training import train
    from ocr.text.tokenizer import CharTokenizer
    from ocr.text.train_tokenizer import read_lines

    lines = read_lines(options.files, options.limit)
    max_bytes = int(options.megabytes * 1e6)
    arrays = train(lines, CharTokenizer(), order=options.order, max_bytes=max_bytes)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, options.output)
    size = options.output.stat().st_size
    print(f"{options.output}: {len(arrays['keys'])} contexts, {size / 1e6:.1f} MB", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr ngram", doc=__doc__)
    parser.set_defaults(run=_train)
    add = parser.add_argument
    add("files", nargs="+", type=Path, help="UTF-8 text; a file given twice counts twice")
    add("--output", type=Path, required=True, help="file to write")
    add("--order", type=positive, default=7, help="characters of the longest n-gram")
    add("--megabytes", type=float, default=12, help="size of the model")
    add("--limit", type=positive, help="lines to train on, evenly from the files; default: all")
    return parser
