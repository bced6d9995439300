"""The command `ocr`: one module per subcommand, imported when it is called.

A module has one public function, `main(arguments) -> int`, which returns the exit status. Libraries that take long to
import are imported by the functions that use them, so that help is quick.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ocr import __version__

COMMANDS = {
    "read": ("ocr.commands.read", "read pages of handwriting"),
    "demo": ("ocr.commands.demo", "read pages in the browser"),
    "spark": ("ocr.commands.spark", "read folders of pages on Spark"),
    "train": ("ocr.commands.train", "train a recognizer or a detector"),
    "evaluate": ("ocr.commands.evaluate", "measure a bundle, or other engines, on labeled lines or pages"),
    "bench": ("ocr.commands.bench", "measure speed and memory, also of other engines"),
    "compare": ("ocr.commands.compare", "compare training runs: settings, best validation, curves"),
    "fit": ("ocr.commands.fit", "fit decoding and confidences to labeled lines"),
    "fit-script": ("ocr.commands.fit_script", "fit the test for scripts that a recognizer does not know"),
    "blend": ("ocr.commands.blend", "mix the weights of an adapted bundle with those of its start"),
    "synth": ("ocr.commands.synth", "draw synthetic lines or pages"),
    "to-parquet": ("ocr.commands.to_parquet", "collect lines of PAGE XML, ALTO, IAM or a folder in one file"),
    "align": ("ocr.commands.align", "locate the characters of transcribed lines, pages or pen strokes"),
    "convert": ("ocr.commands.convert", "convert published weights to a bundle, or pen strokes to Parquet"),
    "export": ("ocr.commands.export", "write the networks of a bundle for ONNX Runtime, OpenVINO and others"),
    "card": ("ocr.commands.card", "write model cards"),
    "push": ("ocr.commands.push", "share a bundle on the Hugging Face hub"),
    "worst": ("ocr.commands.worst", "draw the lines that are read worst, with likely causes"),
    "gallery": ("ocr.commands.gallery", "draw pages with the lines that a detector finds"),
    "tokenizer": ("ocr.commands.tokenizer", "train a SentencePiece tokenizer"),
    "licenses": ("ocr.commands.licenses", "list the licenses of packages, fonts, texts and training data"),
    "ngram": ("ocr.commands.ngram", "train a character n-gram model"),
}
"""Subcommand: its module and a summary."""

SPINS = "10000"
"""Rounds that a thread of PyTorch waits for the others before it sleeps: less than a millisecond, not several.

On cores that other work shares, threads that wait for one which does not run would take its time.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status: 2 where there is no such subcommand."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    name = arguments[0] if arguments else "--help"
    if name == "--version":
        print(f"ocr {__version__}")
        return 0
    if name in ("-h", "--help"):
        print(_overview())
        return 0 if arguments else 2
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else "`ocr --help` lists the commands"
        print(f"error: unknown command {name!r}: {hint}", file=sys.stderr)
        return 2
    if name != "train":
        # Read by the GNU OpenMP library when PyTorch loads it; a value that the user has set stays.
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    # Text of any language goes to standard output, whatever the locale.
    sys.stdout.reconfigure(encoding="utf-8")
    return import_module(COMMANDS[name][0]).main(arguments[1:])


def _overview() -> str:
    rows = (f"  {name:<12} {summary}" for name, (_, summary) in COMMANDS.items())
    return "\n".join(
        [
            "usage: ocr COMMAND ...",
            "",
            *rows,
            "",
            "`ocr COMMAND --help` tells more, `ocr --version` the version.",
        ]
    )
