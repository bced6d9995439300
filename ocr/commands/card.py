"""Model cards, written from what the bundles themselves say.

    ocr card                                    # every shipped bundle: docs/models/NAME.md,
                                                                # docs/images/NAME.jpg
    ocr card NAME --report stanford-test=report.json

`--report SET=FILE` first stores the numbers of a report of evaluate.py in the bundle, under the set's name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocr.bundle import Bundle, available, resolve
from ocr.cards.card import make_example, model_card, store_report
from ocr.errors import ConfigError, OcrError


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="ocr card", description=__doc__.splitlines()[0])
    parser.add_argument("bundles", nargs="*", help="names or folders; default all shipped bundles")
    parser.add_argument("--output", type=Path, default=Path("docs/models"), help="folder of the cards")
    parser.add_argument("--example", default="examples/letter.jpg", help="page to read and draw, or none")
    parser.add_argument("--report", action="append", default=[], metavar="SET=FILE")
    options = parser.parse_args(arguments)
    try:
        names = options.bundles or available()
        if options.report and len(names) != 1:
            raise ConfigError("--report stores numbers in one bundle: name it")
        for name in names:
            folder = resolve(name)
            for item in options.report:
                label, _, file = item.partition("=")
                store_report(folder, label, _read_report(file))
            bundle = Bundle.load(folder)
            example = None
            if bundle.kind != "encoder" and options.example != "none":
                picture = options.output.parent / "images" / f"{folder.name}.jpg"
                example = make_example(str(folder), bundle.kind, image=Path(options.example), picture=picture)
            card = model_card(bundle, size=(folder / "model.safetensors").stat().st_size, example=example)
            options.output.mkdir(parents=True, exist_ok=True)
            path = options.output / f"{folder.name}.md"
            path.write_text(card, encoding="utf-8")
            print(path)
    except OcrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _read_report(file: str) -> dict[str, Any]:
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--report {file}: not a readable report ({error})") from error
