"""Build the API reference from the docstrings: `uv run python docs/build.py [FOLDER]`, by default into `site`."""

from __future__ import annotations

import pkgutil
import re
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pdoc

import ocr

ROOT = Path(__file__).parents[1]
LAZY = ("ocr", "ocr.spark")
"""Packages that load their public names on first use."""


def build(folder: Path, packages: Sequence[str] | None = None) -> list[str]:
    """Write the reference of `packages`, by default of the whole project, to `folder`.

    Returns:
        What is missing in it, one message each; modules whose extra is not installed are left out.
    """
    packages = packages or ["ocr", *sorted(_children("ocr")), "ocr.spark.read"]
    absent = {name: reason for package in packages for name, reason in _unimportable(package).items()}
    for name in set(LAZY) & set(packages) - absent.keys():
        module = import_module(name)
        vars(module).update({public: getattr(module, public) for public in module.__all__})
    pdoc.render.configure(docformat="google", show_source=False, footer_text=f"ocr {ocr.__version__}")
    patterns = (f"!{re.escape(name)}($|\\.)" for name in absent)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        pdoc.pdoc(*(name for name in packages if name not in absent), *patterns, output_directory=folder)
    missing = [f"{name} is left out: {reason}" for name, reason in absent.items()]
    # Annotations that exist for type checkers alone stay as they are written.
    return missing + [text for w in caught if "type annotation" not in (text := str(w.message))]


def _children(package: str) -> list[str]:
    path = getattr(import_module(package), "__path__", [])
    return [
        module.name for module in pkgutil.iter_modules(path, f"{package}.") if module.name != "ocr.__main__"
    ]


def _unimportable(name: str) -> dict[str, str]:
    """The module `name` and those below it (for `ocr`: it alone) that cannot be imported, with the reason."""
    try:
        children = [] if name == "ocr" else _children(name)
        return {child: reason for part in children for child, reason in _unimportable(part).items()}
    except ImportError as error:
        return {name: str(error)}


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
    for message in build(target):
        print(message, file=sys.stderr)
    print(target / "index.html")
