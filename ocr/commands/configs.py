"""Location of the Hydra configurations, and values that are data to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parents[1]

CONFIGS = next(
    # An installed wheel holds them inside the package; a checkout beside it.
    (folder for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if folder.is_dir()),
    _PACKAGE / "configs",
)


def literal(value: Any) -> Any:
    r"""Escape every `${` in the text of `value`, nested dicts and lists included, so that OmegaConf resolves nothing.

    What a bundle holds is data: `${oc.env:TOKEN}` in it would otherwise become the value of the variable, and be
    written into the next bundle. Resolving the result gives `value` again.
    """
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", value)
    if isinstance(value, Mapping):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [literal(item) for item in value]
    return value
