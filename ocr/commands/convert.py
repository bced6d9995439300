"""Published weights as a bundle that infer.py, evaluate.py and train.py take, and pen strokes as Parquet.

    ocr convert trocr FOLDER DST                  # a Hugging Face TrOCR checkpoint: a recogniser
    ocr convert craft FILE DST [--refiner FILE]   # CRAFT and its link refiner: a detector
    ocr convert deit FILE DST                     # a ViT or DeiT: an encoder for training to start from
    ocr convert unipen FOLDER DST                 # pen strokes of UNIPEN: data for synthetic handwriting

A file of weights is `.safetensors`, or what torch.save wrote; no code in it is run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocr.bundle import Bundle
from ocr.convert.craft import convert_craft
from ocr.convert.deit import convert_deit
from ocr.convert.trocr import convert_trocr
from ocr.convert.unipen import convert_unipen
from ocr.convert.vit import Colors
from ocr.errors import OcrError, one_line

IMAGENET = Colors(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
NEXT = {
    "recognizer": "infer.py recognizer={} input=PAGE",
    "detector": "infer.py detector={} input=PAGE",
    "encoder": "train.py init_from={} model=...",
}


def main(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        Exit status: 1 where parts of a data set were left out, 2 where nothing could be converted.
    """
    options = parser().parse_args(arguments)
    try:
        return options.write(options)
    except OcrError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
    except OSError as error:
        print(f"error: {error.filename or options.destination}: {error.strerror or error}", file=sys.stderr)
    return 2


def write_bundle(options: argparse.Namespace) -> int:
    """Convert weights and write their bundle. Raises WeightsError or OSError."""
    bundle = convert(options)
    bundle.save(options.destination, half=options.half)
    for key, value in bundle.description.get("not_carried_over", {}).items():
        print(f"not carried over: {key}={value}", file=sys.stderr)
    print(f"{options.destination}: {bundle.kind}, {bundle.parameters / 1e6:.1f} million parameters")
    print(f"uv run {NEXT[bundle.kind].format(options.destination)}")
    return 0


def write_strokes(options: argparse.Namespace) -> int:
    """Convert pen strokes and write them. Raises DataError or OSError."""
    report = convert_unipen(
        options.source, options.destination, tell=lambda text: print(text, file=sys.stderr)
    )
    print(f"{options.destination}: {report.lines} lines and {report.words} words by {report.writers} writers")
    if not report.files_left_out and not report.segments_left_out:
        return 0
    print(f"left out: {report.files_left_out} files, {report.segments_left_out} segments", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """The options."""
    whole = argparse.ArgumentParser(
        prog="ocr convert",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = whole.add_subparsers(dest="kind", required=True)
    trocr = kinds.add_parser("trocr", help="a Hugging Face TrOCR checkpoint folder: a recogniser")
    craft = kinds.add_parser("craft", help="weights of CRAFT: a detector")
    deit = kinds.add_parser("deit", help="weights of a ViT or DeiT, by timm or Hugging Face: an encoder")
    for kind in (trocr, craft, deit):
        kind.set_defaults(write=write_bundle)
        kind.add_argument("source", type=Path)
        kind.add_argument("destination", type=Path, help="folder of the bundle; a bundle in it is replaced")
        kind.add_argument(
            "--half", action="store_true", help="store fp16: half the size, slightly other numbers"
        )
    unipen = kinds.add_parser("unipen", help="UNIPEN files: pen strokes of lines and words")
    unipen.set_defaults(write=write_strokes)
    unipen.add_argument("source", type=Path, help="folder as distributed, with data and include")
    unipen.add_argument("destination", type=Path, help="folder of the two Parquet files, which are replaced")
    craft.add_argument("--refiner", type=Path, help="weights of the link refiner")
    deit.add_argument("--heads", type=int, help="of attention; default: as many as are 64 wide")
    for name in ("mean", "std"):
        deit.add_argument(
            f"--{name}",
            type=float,
            nargs=3,
            default=getattr(IMAGENET, name),
            help="of red, green and blue that the weights were trained with; default: ImageNet's",
        )
    return whole


def convert(options: argparse.Namespace) -> Bundle:
    """The bundle that the options describe. Raises WeightsError."""
    name = options.destination.resolve().name
    if options.kind == "trocr":
        return convert_trocr(options.source, name=name)
    if options.kind == "craft":
        return convert_craft(options.source, name=name, refiner=options.refiner)
    colors = Colors(options.mean, options.std)
    return convert_deit(options.source, name=name, colors=colors, heads=options.heads)
