"""Set-up of the process that trains."""

from __future__ import annotations

import ctypes
import logging
import os

import torch

from ocr.errors import ConfigError

MAX_THREADS = 4096
"""More are a slip; PyTorch would start them all."""


def prepare_process(*, threads: int | None, seed: int) -> None:
    """Set up memory, logging, threads (None: as many as PyTorch takes) and the seed of new weights.

    Raises:
        ConfigError: one of the two is no whole number, or out of range.
    """
    if threads is not None:
        _check_range("threads", threads, 1, MAX_THREADS)
    _check_range("seed", seed, 0, 2**63 - 1)
    keep_freed_memory()
    # Lightning reports on accelerators it did not find and on products.
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)


def _check_range(name: str, value: object, lowest: int, highest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise ConfigError(f"{name}={value!r:.40}: expected a whole number from {lowest} to {highest}")


def keep_freed_memory() -> None:
    """Ask glibc to keep freed memory instead of returning it to the system.

    Activations are large and live for one step; mapping and clearing them anew each step costs a fifth of the
    time of training on a CPU. Does nothing where the C library is not glibc.
    """
    if os.name != "posix":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 2**28)
