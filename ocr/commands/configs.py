"""Location of the Hydra configurations, and values that are data to them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
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


def near_names(error: BaseException, config: str, arguments: Sequence[str]) -> str:
    """Suggest the keys that an override may have meant which Hydra does not know; empty for any other error.

    Args:
        config: name of the configuration, such as `train`. arguments: the overrides, of which those that choose a
            file of a group are applied before the keys are listed.
    """
    found = re.search(r"Could not override '([^']+)'", str(error))
    if found is None:
        return ""
    # Hydra is imported by the commands that use it alone.
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    groups = [
        text for text in arguments if (CONFIGS / text.lstrip("+~").split("=")[0]).is_dir() and "=" in text
    ]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        keys = list(_keys(OmegaConf.to_container(compose(config, groups))))
    wanted = found[1]
    # Right at the end, but in another place: `lr` for `optim.optimizer.lr`.
    moved = [key for key in keys if key.endswith("." + wanted.rsplit(".", 1)[-1])]
    close = [*moved[:2], *difflib.get_close_matches(wanted, keys, n=3, cutoff=0.75)]
    names = list(dict.fromkeys(close))[:3]
    return f" (did you mean {' or '.join(names)}?)" if names else ""


def _keys(config: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all values."""
    for key, value in config.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
