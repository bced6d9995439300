"""Model card of a repository of the Hugging Face hub: the card of the bundle with the hub's metadata before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ocr.bundle import Bundle
from ocr.cards.card import model_card

PIPELINES = {"recognizer": "image-to-text", "detector": "object-detection"}
"""Tasks of the hub's list, by kind of bundle."""

LICENSES = {"apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"}
"""Identifiers of the hub that licenses of bundles are likely to have; others are `other`, with their name."""


def hub_card(bundle: Bundle, *, size: int, source: str) -> str:
    """Write README.md for the repository `source`, as `USER/NAME`; `size` is that of the weights in bytes."""
    metadata = yaml.safe_dump(_metadata(bundle), sort_keys=False, allow_unicode=True)
    card = model_card(bundle, size=size, source=source)
    install = "Needs the package `handwriting-reader` with its extra `hub`.\n\nPython:"
    return f"---\n{metadata}---\n\n{card.replace('Python:', install, 1)}"


def _metadata(bundle: Bundle) -> dict[str, Any]:
    """Collect what the hub shows beside a card and searches by."""
    about = bundle.description
    languages = about.get("languages", [])
    metadata: dict[str, Any] = {
        "library_name": "handwriting-reader",
        "tags": ["handwriting", "htr", "ocr", bundle.kind],
        **_license(about),
    }
    if bundle.kind in PIPELINES:
        metadata["pipeline_tag"] = PIPELINES[bundle.kind]
    # The hub takes codes of languages alone.
    if isinstance(languages, list) and (
        codes := [code for code in languages if re.fullmatch("[a-z]{2,3}", str(code))]
    ):
        metadata["language"] = codes
    return metadata


def _license(about: Mapping[str, Any]) -> dict[str, str]:
    stated = str(about.get("licence") or about.get("license") or "")
    if not stated:
        return {}
    known = stated.lower().replace(" ", "-")
    return {"license": known} if known in LICENSES else {"license": "other", "license_name": stated}
