"""Names that stored bundles may hold and the current ones: each renamed class or setting has one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocr.decoding import strategy_name

TARGETS = {"ocr.image.squash.SquashPreprocessor": "ocr.image.fixed_size.FixedSizePreprocessor"}
"""Old `_target_`: the current one."""

ARGUMENTS = {"ocr.image.page_preprocess.PagePreprocessor": {"longest": "max_side"}}
"""Current `_target_`: its renamed arguments, from old to current."""


def current_target(config: Any) -> Any:
    """A nested `_target_` dict with current names of classes and arguments; the argument stays as it is."""
    if isinstance(config, list):
        return [current_target(item) for item in config]
    if not isinstance(config, Mapping):
        return config
    target = config.get("_target_")
    if isinstance(target, str):
        target = TARGETS.get(target, target)
        config = {**config, "_target_": target}
    # A target of another type is left for the registry to refuse.
    renamed = ARGUMENTS.get(target, {}) if isinstance(target, str) else {}
    return {renamed.get(key, key): current_target(value) for key, value in config.items()}


def current_strategies(settings: Any) -> Any:
    """Settings of decoding, or metrics, with current names of decoding strategies, as keys and as values."""
    if isinstance(settings, Mapping):
        return {
            strategy_name(key): strategy_name(value) if isinstance(value, str) else current_strategies(value)
            for key, value in settings.items()
        }
    return settings


def current(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a `bundle.json` with current names."""
    changes = {
        **{key: current_target for key in ("model_config", "part_configs")},
        **{key: current_strategies for key in ("decoding", "metrics")},
    }
    return {key: changes[key](value) if key in changes else value for key, value in content.items()}
