"""A character n-gram language model: what letters are likely to follow, for CTC beam search.

    ocr ngram --order 6 --output western.ngram FILE...

Witten-Bell interpolation (Witten & Bell 1991): the distribution after a context mixes its own counts with the
distribution after the context without its first character, down to the uniform one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import save_file

from ocr.errors import OcrError
from ocr.text.ngram import train
from ocr.text.tokenizer import CharTokenizer


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit code."""
    from ocr.text.train_tokenizer import read_lines

    parser = argparse.ArgumentParser(prog="ocr ngram", description="Train a character n-gram model.")
    parser.add_argument("files", nargs="+", type=Path, help="UTF-8 text, a sentence a line")
    parser.add_argument("--order", type=int, default=6)
    parser.add_argument("--minimum", type=int, default=8, help="drop contexts seen less often")
    parser.add_argument("--limit", type=int, default=200_000, help="lines to train on")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        lines = read_lines(options.files, options.limit)
        arrays = train(lines, CharTokenizer(), order=options.order, minimum=options.minimum)
        save_file(arrays, options.output)
    except (OcrError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    size = options.output.stat().st_size
    print(f"{options.output}: {len(arrays['keys'])} contexts, {size / 1e6:.1f} MB", file=sys.stderr)
    return 0
