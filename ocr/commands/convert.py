"""Convert published weights to a bundle, or pen strokes to Parquet.

examples:
    ocr convert trocr FOLDER --output DST                  # a Hugging Face TrOCR checkpoint: a recognizer
    ocr convert craft FILE --output DST [--refiner FILE]   # CRAFT and its link refiner: a detector
    ocr convert deit FILE --output DST                     # a ViT or DeiT: an encoder for training to start from
    ocr convert unipen FOLDER --output DST                 # pen strokes of UNIPEN: data for synthetic handwriting

A file of weights is `.safetensors`, or was written by torch.save; no code in it is run. Exit status: 0; 1 where
parts of a data set were left out; 2 where nothing could be converted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.commands.options import CommandParser, run

if TYPE_CHECKING:
    from ocr.bundle import Bundle

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
NEXT = {
    "recognizer": "ocr read recognizer={} input=PAGE",
    "detector": "ocr read detector={} input=PAGE",
    "encoder": "ocr train init_from={} model=...",
}


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _trocr(options: argparse.Namespace) -> Bundle:
    from ocr.convert.trocr import convert_trocr

    return convert_trocr(options.source, name=_name(options))


def _craft(options: argparse.Namespace) -> Bundle:
    from ocr.convert.craft import convert_craft

    return convert_craft(options.source, name=_name(options), refiner=options.refiner)


def _deit(options: argparse.Namespace) -> Bundle:
    from ocr.convert.deit import convert_deit
    from ocr.convert.vit import Colors

    colors = Colors(options.mean, options.std)
    return convert_deit(options.source, name=_name(options), colors=colors, heads=options.heads)


def _name(options: argparse.Namespace) -> str:
    return options.output.resolve().name


def _write_bundle(options: argparse.Namespace) -> None:
    bundle = options.convert(options)
    bundle.save(options.output, half=options.half)
    for key, value in bundle.description.get("not_carried_over", {}).items():
        print(f"not carried over: {key}={value}", file=sys.stderr)
    print(f"{options.output}: {bundle.kind}, {bundle.parameters / 1e6:.1f} million parameters")
    print(NEXT[bundle.kind].format(options.output))


def _write_strokes(options: argparse.Namespace) -> int:
    from ocr.convert.unipen import convert_unipen

    report = convert_unipen(options.source, options.output, tell=lambda text: print(text, file=sys.stderr))
    print(f"{options.output}: {report.lines} lines and {report.words} words by {report.writers} writers")
    if not report.files_left_out and not report.segments_left_out:
        return 0
    print(f"left out: {report.files_left_out} files, {report.segments_left_out} segments", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr convert", doc=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)

    def add_weights(
        name: str, convert: Callable[[argparse.Namespace], Bundle], summary: str
    ) -> argparse.ArgumentParser:
        kind = kinds.add_parser(name, help=summary, doc=f"Convert {summary}.")
        kind.set_defaults(run=_write_bundle, convert=convert)
        kind.add_argument("source", type=Path, help="file or folder of the weights")
        kind.add_argument(
            "--output", type=Path, required=True, help="folder of the bundle; a bundle in it is replaced"
        )
        kind.add_argument(
            "--half", action="store_true", help="store fp16: half the size, slightly other numbers"
        )
        return kind

    add_weights("trocr", _trocr, "a Hugging Face TrOCR checkpoint folder to a recognizer")
    craft = add_weights("craft", _craft, "weights of CRAFT to a detector")
    craft.add_argument("--refiner", type=Path, help="weights of the link refiner")
    deit = add_weights("deit", _deit, "weights of a ViT or DeiT, by timm or Hugging Face, to an encoder")
    deit.add_argument("--heads", type=int, help="of attention; default: width / 64")
    for name, values in IMAGENET.items():
        about = "of red, green and blue that the weights were trained with; default: ImageNet's"
        deit.add_argument(f"--{name}", type=float, nargs=3, default=values, help=about)
    unipen = kinds.add_parser(
        "unipen", help="pen strokes of UNIPEN files to Parquet", doc="Convert pen strokes of UNIPEN files."
    )
    unipen.set_defaults(run=_write_strokes)
    unipen.add_argument("source", type=Path, help="folder as distributed, with data and include")
    unipen.add_argument(
        "--output", type=Path, required=True, help="folder of the two Parquet files, which are replaced"
    )
    return parser
