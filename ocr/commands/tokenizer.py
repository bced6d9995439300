"""Train a SentencePiece model: `ocr tokenizer --size 1024 --output tok.model FILE...`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.errors import OcrError
from ocr.text.train_tokenizer import read_lines, train


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="ocr tokenizer", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="UTF-8 text, a sentence a line")
    parser.add_argument("--size", type=int, default=1024, help="pieces, specials and bytes included")
    parser.add_argument("--output", type=Path, required=True, help="the .model file to write")
    parser.add_argument("--limit", type=int, default=200_000, help="lines to train on")
    options = parser.parse_args(arguments)
    try:
        model = train(read_lines(options.files, options.limit), options.size)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_bytes(model)
    except (OcrError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: {options.size} pieces, {len(model)} bytes", file=sys.stderr)
    return 0
