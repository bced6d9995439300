"""Networks of bundles prepared for inference with PyTorch on a CPU."""

from __future__ import annotations

import copy
import os
from typing import TypeVar

import torch
from torch import nn

from ocr.inference.device import has_bfloat16
from ocr.models.detector import Detector
from ocr.models.recognizer import Recognizer
from ocr.nn.fold import fold_batch_norms

Network = TypeVar("Network", bound=nn.Module)

KERNELS = 256
"""Kernels that oneDNN keeps, each for one shape. A page needs about a hundred. Pages of ever new sizes would fill its
own limit of 1024, which holds a hundred MiB and more that are never used again."""


def fast_recognizer(model: Recognizer, device: torch.device) -> Recognizer:
    """Return a recognizer for inference that computes the same, up to rounding; on a GPU, the model itself.

    Batch norm is folded, the stem runs in channels-last order, and weights that are used in bf16 are stored so.
    """
    if device.type != "cpu":
        return model
    network = _prepared(model, device)
    network.encoder.patch_embed.to(memory_format=torch.channels_last)
    return network


def fast_detector(model: Detector, device: torch.device) -> Detector:
    """Return a detector for inference; see `fast_recognizer`."""
    if device.type != "cpu":
        return model
    return _prepared(model, device).to(memory_format=torch.channels_last)


def _prepared(model: Network, device: torch.device) -> Network:
    """Copy a model and fold and convert its weights; those that stay as they are are shared."""
    # Read by oneDNN when it builds its first kernel; a value that the user has set stays.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    network = fold_batch_norms(copy.deepcopy(model, shared).eval())
    if has_bfloat16(device):
        for module in network.modules():
            # The layers whose weights autocast converts anew for each batch.
            if type(module) in (nn.Linear, nn.Conv2d):
                module.weight = nn.Parameter(module.weight.detach().bfloat16(), requires_grad=False)
    return network
