"""List the licenses of what the package consists of and of what it needs.

examples:
    ocr licenses
    ocr licenses --extra demo --extra spark

Packages that are installed, shipped fonts and texts, and the data that the shipped models were trained on. Exit
status: 0; 1 where a license forbids what Apache-2.0 allows (AGPL, non-commercial), or is not known.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from ocr.commands.options import CommandParser, run

PACKAGE = "handwriting-reader"

_REFUSED = re.compile(r"\bAGPL|affero|\bNC\b|\bBY-NC|non-?commercial", re.IGNORECASE)
_EXPRESSIONS = {"cuda-toolkit": "NVIDIA Proprietary"}
"""Packages that state their license in none of their metadata."""


class License(NamedTuple):
    """A part, and the license that it states; empty where it states none."""

    kind: str
    name: str
    license: str

    @property
    def usable(self) -> bool:
        """Tell whether the license is known, and forbids neither commercial use nor use over a network."""
        return bool(self.license) and not _REFUSED.search(self.license)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def licenses(extras: Sequence[str] = ()) -> Iterator[License]:
    """Iterate over all parts: installed packages with those that they need, fonts, texts, training data."""
    # Near their use: they load PyTorch, which the help does without.
    from ocr.bundle.bundle import WEIGHTS, available
    from ocr.bundle.schema import read_description

    for name, found in sorted(_needed(PACKAGE, ("", *extras), {}).items()):
        yield License("package", f"{name} {found.version}", _EXPRESSIONS.get(name) or stated_license(found))
    assets = Path(__file__).parents[1] / "synth" / "assets"
    with (assets / "fonts" / "fonts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            there = (assets / "fonts" / row["licence_file"]).is_file()
            yield License("font", row["file"], row["licence"] if there else "")
    texts = _table((assets / "README.md").read_text(encoding="utf-8"))
    for path in sorted((assets / "text").iterdir()):
        yield License("text", path.name, texts.get(path.name, ""))
    for bundle in available():
        content = read_description(WEIGHTS / bundle)
        yield License("model", bundle, str(content["description"].get("licence", "")))
        for row in content["training_data"]:
            yield License("training data", f"{bundle}: {row['name']}", row["licence"])


def stated_license(found: Distribution) -> str:
    """Return the license that the metadata of an installed package state, by expression, text or classifier."""
    data = found.metadata
    classified = [
        text.split(" :: ")[-1] for text in data.get_all("Classifier") or () if text.startswith("License")
    ]
    text = (data.get("License") or "").strip().split("\n")[0][:80]
    return data.get("License-Expression") or " / ".join(dict.fromkeys(filter(None, (text, *classified))))


def _needed(name: str, extras: Sequence[str], found: dict[str, Distribution]) -> dict[str, Distribution]:
    """Collect a package and the installed ones that it needs, by name."""
    from packaging.requirements import Requirement

    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return found
    try:
        found[key] = distribution(name)
    except PackageNotFoundError:
        return found
    for text in found[key].requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or ("",)):
            _needed(requirement.name, ("", *requirement.extras), found)
    return found


def _table(markdown: str) -> dict[str, str]:
    """Read the license of each file from the rows `| files | origin | license |` of a table."""
    rows = re.findall(r"^\| (`.+?) \|.*\| ([^|]+) \|$", markdown, re.MULTILINE)
    return {name: license.strip() for names, license in rows for name in re.findall(r"`([^`]+)`", names)}


def _list(options: argparse.Namespace) -> int:
    found = list(licenses(options.extra))
    for part in found:
        print(f"{part.kind}: {part.name}: {part.license or 'unknown'}{'' if part.usable else '  NOT USABLE'}")
    refused = sum(not part.usable for part in found)
    print(f"{len(found)} parts, {refused} not usable")
    return 1 if refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr licenses", doc=__doc__)
    parser.set_defaults(run=_list)
    parser.add_argument("--extra", action="append", default=[], help="packages of this extra as well")
    return parser
