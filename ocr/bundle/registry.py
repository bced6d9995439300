"""Build objects from the plain `{"_target_": "ocr.models.vit.ViT", ...}` dicts that a bundle stores.

The same dicts are what Hydra composes, so a model has one description everywhere. Hydra imports any dotted
path; a bundle comes from strangers, so here only names inside the listed packages are allowed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ocr.errors import BundleError

ALLOWED_PACKAGES = ("ocr.models.", "ocr.nn.", "ocr.text.", "ocr.image.")


def build(config: Any) -> Any:
    """Instantiate nested `_target_` dicts depth first; lists and plain values pass through.

    Raises:
        BundleError: a target lies outside `ALLOWED_PACKAGES`, does not exist, or rejects its arguments.
    """
    if isinstance(config, list | tuple):
        return [build(item) for item in config]
    if not isinstance(config, Mapping):
        return config
    arguments = {key: build(value) for key, value in config.items() if key != "_target_"}
    if "_target_" not in config:
        return arguments
    target = config["_target_"]
    if not target.startswith(ALLOWED_PACKAGES):
        raise BundleError(f"refusing to build {target!r}: only {', '.join(ALLOWED_PACKAGES)} are allowed")
    module_name, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), name)(**arguments)
    except (ImportError, AttributeError) as error:
        raise BundleError(f"unknown target {target!r}: {error}") from error
    except TypeError as error:
        raise BundleError(f"{target!r} does not accept its configuration: {error}") from error
