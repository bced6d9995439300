"""Set-up of the process that trains."""

from __future__ import annotations

import ctypes
import logging
import os

import torch


def prepare_process(*, threads: int | None, seed: int) -> None:
    """Set up memory, logging, threads (None: as many as PyTorch takes) and the seed of new weights."""
    keep_freed_memory()
    # Lightning reports on accelerators it did not find and on products.
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)


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
