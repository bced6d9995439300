"""Interpolation of the weights of two bundles, so that a model learns one hand and forgets less of the others."""

from __future__ import annotations

from copy import deepcopy

import torch

from ocr.bundle.bundle import Bundle
from ocr.errors import BundleError, ConfigError


def blend(start: Bundle, adapted: Bundle, *, share: float) -> Bundle:
    """Interpolate between the weights that a run started from and those that it ended with.

    As in WiSE-FT (Wortsman et al. 2022), every float weight becomes (1 - share) * start + share * adapted. Everything
    else is that of `adapted`, but for its metrics, which no longer hold.

    Args:
        share: weight of `adapted`, 0 to 1.
    Raises:
        ConfigError: share out of range. BundleError: the models differ in more than their weights.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"share={share}: expected 0 to 1")
    if start.model_config != adapted.model_config or start.part_configs != adapted.part_configs:
        raise BundleError(f"{adapted.name} was not adapted from {start.name}: their models or parts differ")
    result = deepcopy(adapted)
    result.metrics = {}
    state = start.model.state_dict()
    with torch.no_grad():
        for key, value in result.model.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.lerp(state[key], value, share))
    return result
