"""`ocr ngram`: train a character n-gram model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import save_file

from ocr.errors import OcrError
from ocr.text.ngram_training import train
from ocr.text.tokenizer import CharTokenizer


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit code."""
    from ocr.text.train_tokenizer import read_lines

    parser = argparse.ArgumentParser(prog="ocr ngram", description="Train a character n-gram model.")
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        help="UTF-8 text; a file given twice counts twice",
    )
    parser.add_argument("--order", type=int, default=7, help="characters of the longest n-gram (default: 7)")
    parser.add_argument("--megabytes", type=float, default=12, help="size of the model (default: 12)")
    parser.add_argument("--limit", type=int, help="lines to train on, evenly from the files (default: all)")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        lines = read_lines(options.files, options.limit)
        max_bytes = int(options.megabytes * 1e6)
        arrays = train(lines, CharTokenizer(), order=options.order, max_bytes=max_bytes)
        save_file(arrays, options.output)
    except (OcrError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    size = options.output.stat().st_size
    print(f"{options.output}: {len(arrays['keys'])} contexts, {size / 1e6:.1f} MB", file=sys.stderr)
    return 0
