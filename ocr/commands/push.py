"""Share a bundle on the Hugging Face hub, with its model card as README.md.

examples:
    ocr push runs/adapt/bundle USER/NAME
    ocr push runs/adapt/bundle USER/NAME --private --tag v1
    ocr push runs/adapt/bundle USER/NAME --dry-run > README.md          # shows the card, sends nothing

Others then read with `recognizer=USER/NAME`, or USER/NAME@v1 for the version of that tag. Log in first, by
`hf auth login` or HF_TOKEN. Look at the card before you share: it states training data and licenses.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from ocr.commands.options import CommandParser, run
from ocr.errors import ConfigError


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _push(options: argparse.Namespace) -> None:
    import hashlib

    from ocr.bundle import Bundle, resolve
    from ocr.bundle.files import CHECKSUM, DESCRIPTION, WEIGHTS_FILE, read_weights
    from ocr.bundle.hub import CARD, HubName, upload
    from ocr.bundle.schema import read_description
    from ocr.cards.hub_card import hub_card

    name = HubName.parse(options.repository)
    if name is None or name.revision is not None:
        raise ConfigError(f"{options.repository!r} is no name of a repository: USER/NAME")
    folder = resolve(options.bundle)
    bundle = Bundle.load(folder)
    description = read_description(folder)
    weights = read_weights(folder, description.get(CHECKSUM))
    description |= {CHECKSUM: hashlib.sha256(weights).hexdigest()}
    card = hub_card(bundle, size=len(weights), source=name.repository)
    if options.dry_run:
        print(card, end="")
        return
    text = json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {CARD: card.encode(), DESCRIPTION: text.encode(), WEIGHTS_FILE: weights}
    message = options.message or f"{bundle.name} {bundle.version}"
    commit = upload(name, files, private=options.private, message=message, tag=options.tag)
    print(f"{name}@{commit}")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr push", doc=__doc__)
    parser.set_defaults(run=_push)
    add = parser.add_argument
    add("bundle", help="name or folder")
    add("repository", metavar="USER/NAME", help="repository of the hub; it is made where it does not exist")
    add("--private", action="store_true", help="only for you, if the repository is new")
    add("--tag", help="name for this version, such as v1")
    add("--message", help="of the commit (default: name and version of the bundle)")
    add("--dry-run", action="store_true", help="print the card and send nothing")
    return parser
