"""Export the networks of a bundle for other runtimes.

examples:
    ocr export onnx ocr_small_handwritten exported/
    ocr read letter.jpg recognizer=exported/ocr_small_handwritten backend=openvino
    ocr export onnx image_text_detector_v2 exported/

The folder DIR/NAME is a copy of the bundle with ONNX files beside its weights: `encoder.onnx` (encoder and CTC head)
and `decoder.onnx` (one step of the decoder, with keys and values of the steps before) of a recognizer,
`detector.onnx` of a detector. Batches, widths and pages may have any size. Needs the extra `onnx`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ocr.commands.options import CommandParser, run
from ocr.errors import BundleError


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _export(options: argparse.Namespace) -> None:
    import shutil

    from ocr.bundle import Bundle, resolve
    from ocr.bundle.files import CHECKSUM
    from ocr.bundle.schema import read_description
    from ocr.inference.backends.export import export_bundle

    source = resolve(options.bundle)
    bundle = Bundle.load(source)
    if bundle.kind == "encoder":
        raise BundleError(f"bundle {options.bundle!r} is an encoder alone: a recognizer or a detector reads")
    folder = options.folder / bundle.name
    if folder.resolve() != source.resolve():
        shutil.copytree(source, folder, dirs_exist_ok=True)
    for path in export_bundle(bundle, folder, fingerprint=read_description(source)[CHECKSUM]):
        print(path)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr export", doc=__doc__)
    parser.set_defaults(run=_export)
    formats = parser.add_subparsers(metavar="FORMAT", required=True)
    onnx = formats.add_parser("onnx", help="for ONNX Runtime, OpenVINO and others")
    onnx.add_argument("bundle", help="name or folder")
    onnx.add_argument("folder", type=Path, metavar="DIR", help="folder for the bundle with its ONNX files")
    return parser
