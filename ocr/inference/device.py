"""Device and threads that models run on, and half precision where the hardware computes in it."""

from __future__ import annotations

import os

import torch

from ocr.errors import ConfigError


def _compute_alone() -> None:
    """Let a process that was forked compute with the one thread that it has.

    The threads of its parent are not in it, and PyTorch would wait for them without end; OpenCV starts new ones.
    """
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_compute_alone)


def half_precision(device: torch.device) -> torch.autocast:
    """Autocast to bfloat16, which does nothing where that would be emulated: it would be slower, not faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device computes in bfloat16 itself."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and (
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )


def resolve_device(name: str) -> torch.device:
    """The torch device called `name`; `auto` is a CUDA GPU, else Apple's, else the CPU.

    Raises:
        ConfigError: torch knows no such device, or this machine has none.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={name}: not usable here ({str(error).splitlines()[0]})") from error
    return device
