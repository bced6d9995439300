"""Location of the Hydra configurations."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

CONFIGS = next(
    # An installed wheel holds them inside the package; a checkout beside it.
    (folder for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if folder.is_dir()),
    _PACKAGE / "configs",
)
