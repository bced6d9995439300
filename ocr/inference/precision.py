"""Half precision where the hardware computes in it."""

from __future__ import annotations

import torch


def half_precision(device: torch.device) -> torch.autocast:
    """Autocast to bfloat16, which does nothing where that would be emulated: it would be slower, not faster."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and (
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)
