"""Write model cards from the contents of bundles.

examples:
    ocr card                                        # every shipped bundle: docs/models/NAME.md, docs/images/NAME.jpg
    ocr card NAME --report stanford-test=report.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocr.commands.options import CommandParser, run
from ocr.errors import ConfigError


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _write_cards(options: argparse.Namespace) -> None:
    from ocr.bundle import available, resolve
    from ocr.cards.card import store_report

    names = options.bundles or available()
    if options.report and len(names) != 1:
        raise ConfigError("--report stores numbers in one bundle: name it")
    for name in names:
        folder = resolve(name, to_write=bool(options.report))
        for item in options.report:
            label, _, file = item.partition("=")
            store_report(folder, label, _read_report(file))
        print(_write_card(folder, options))


def _write_card(folder: Path, options: argparse.Namespace) -> Path:
    from ocr.bundle import Bundle
    from ocr.cards.card import make_example, model_card

    bundle = Bundle.load(folder)
    example = None
    if bundle.kind != "encoder" and options.example != "none":
        picture = options.output.parent / "images" / f"{folder.name}.jpg"
        example = make_example(str(folder), bundle.kind, image=Path(options.example), picture=picture)
    card = model_card(bundle, size=(folder / "model.safetensors").stat().st_size, example=example)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{folder.name}.md"
    path.write_text(card, encoding="utf-8")
    return path


def _read_report(file: str) -> dict[str, Any]:
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--report {file}: not a readable report ({error})") from error


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr card", doc=__doc__)
    parser.set_defaults(run=_write_cards)
    add = parser.add_argument
    add("bundles", nargs="*", help="names or folders; default: all shipped bundles")
    add("--output", type=Path, default=Path("docs/models"), help="folder of the cards")
    add("--example", default="examples/letter.jpg", help="page to read and draw, or none")
    add(
        "--report",
        action="append",
        default=[],
        metavar="SET=FILE",
        help="store the numbers of a report of `ocr evaluate` in the bundle first, under the set's name",
    )
    return parser
