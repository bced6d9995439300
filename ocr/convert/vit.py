"""Encoder weights of timm and of Hugging Face under the names of `ocr.models.vit.ViT`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ocr.convert.weights import Weights
from ocr.errors import WeightsError


@dataclass(frozen=True)
class Naming:
    """Names of the tensors of a ViT in a library.

    `block` is a format string for the number of the block; `layers` maps names of `ocr.models.vit` to the library's.
    """

    patch: str
    prefix: tuple[str, ...]
    position: str
    norm: str
    block: str
    qkv: tuple[str, ...]
    layers: dict[str, str]


TIMM = Naming(
    patch="patch_embed.proj",
    prefix=("cls_token", "dist_token"),
    position="pos_embed",
    norm="norm",
    block="blocks.{}.",
    qkv=("attn.qkv",),
    layers={name: name for name in ("norm1", "norm2", "attn.proj", "mlp.fc1", "mlp.fc2")},
)
HUGGING_FACE = Naming(
    patch="embeddings.patch_embeddings.projection",
    prefix=("embeddings.cls_token", "embeddings.distillation_token"),
    position="embeddings.position_embeddings",
    norm="layernorm",
    block="encoder.layer.{}.",
    qkv=tuple(f"attention.attention.{part}" for part in ("query", "key", "value")),
    layers={
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    },
)


@dataclass(frozen=True)
class Colors:
    """Normalization of the input of a model: RGB in [0, 1], less `mean`, divided by `std`."""

    mean: Sequence[float]
    std: Sequence[float]

    def to_ink(self, weight: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Convert a patch embedding (d, 3, h, w), (d,) to give the same tokens for ink-positive pixels, 1 - RGB."""
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        scaled = weight / std
        return -scaled, bias + (scaled * (1 - mean)).sum((1, 2, 3))


def find_encoder(weights: Weights) -> tuple[Naming, str]:
    """Find the library whose ViT the weights hold, and the prefix of its names.

    Raises:
        WeightsError: the weights hold no ViT, or several.
    """
    found = [
        (naming, name.removesuffix(f"{naming.patch}.weight"))
        for naming in (TIMM, HUGGING_FACE)
        for name in weights.names()
        if name.endswith(f"{naming.patch}.weight")
    ]
    if len(found) != 1:
        raise WeightsError(
            f"{weights.path}: not the weights of one ViT or DeiT ({len(found)} patch embeddings)"
        )
    return found[0]


def take_encoder(
    weights: Weights, naming: Naming, at: str = "", *, colors: Colors, gray: bool = False
) -> dict[str, torch.Tensor]:
    """Take the state of a `ViT` with linear patches, learned positions and prefix tokens, for ink-positive pixels.

    Args:
        at: prefix of the names. colors: normalization of the input that the weights were trained on.
        gray: for one input channel instead of three equal ones.
    Raises:
        WeightsError: a tensor is missing, or the position table is not that of a square.
    """
    patch = [weights.take(f"{at}{naming.patch}.{kind}") for kind in ("weight", "bias")]
    if patch[0].ndim != 4 or patch[0].shape[1] != 3:
        raise WeightsError(
            f"{weights.path}: {at}{naming.patch}.weight is {tuple(patch[0].shape)}, not of color patches"
        )
    weight, bias = colors.to_ink(*patch)
    state = {
        "patch_embed.proj.weight": weight.sum(1, keepdim=True) if gray else weight,
        "patch_embed.proj.bias": bias,
    }
    names = [f"{at}{name}" for name in naming.prefix if f"{at}{name}" in weights]
    prefix = weights.join(names, dim=1) if names else weight.new_zeros(1, 0, len(bias))
    table, count = weights.take(f"{at}{naming.position}"), len(names)
    side = round(max(table[0].numel() / len(bias) - count, 0) ** 0.5)
    if table.shape != (1, count + side * side, len(bias)) or prefix.shape != table[:, :count].shape:
        raise WeightsError(
            f"{weights.path}: {at}{naming.position} is {tuple(table.shape)}, expected a square and {count} tokens "
            f"of width {len(bias)}"
        )
    # The published models add positions to their prefix tokens as well; `ViT` stores the sum.
    if names:
        state["prefix"] = prefix + table[:, :count]
    state["position.table"] = table[:, count:].transpose(1, 2).unflatten(2, (side, side))
    for kind in ("weight", "bias"):
        state[f"norm.{kind}"] = weights.take(f"{at}{naming.norm}.{kind}")
    blocks = _take_blocks(weights, naming, at)
    if not blocks:
        raise WeightsError(
            f"{weights.path}: lacks {at}{naming.block.format(0)}; not a ViT that can be converted"
        )
    return state | blocks


def _take_blocks(weights: Weights, naming: Naming, at: str) -> dict[str, torch.Tensor]:
    """Take the tensors of all Transformer blocks."""
    state, number = {}, 0
    while f"{at}{naming.block.format(number)}{naming.layers['norm1']}.weight" in weights:
        block = at + naming.block.format(number)
        for kind in ("weight", "bias"):
            for mine, theirs in naming.layers.items():
                state[f"blocks.{number}.{mine}.{kind}"] = weights.take(f"{block}{theirs}.{kind}")
            parts = [f"{block}{part}.{kind}" for part in naming.qkv]
            # Models derived from BEiT have no bias here.
            if kind == "weight" or parts[0] in weights:
                state[f"blocks.{number}.attn.qkv.{kind}"] = weights.join(parts)
        number += 1
    return state


def vit_config(
    state: dict[str, torch.Tensor], *, heads: int, norm_epsilon: float, keep_prefix: bool
) -> dict[str, Any]:
    """Make the `_target_` dict of the `ViT` of `state`; the other arguments cannot be inferred from tensors."""
    dim, channels, *patch = state["patch_embed.proj.weight"].shape
    side = state["position.table"].shape[-1]
    depth = sum(name.endswith("norm1.weight") for name in state)
    return {
        "_target_": "ocr.models.vit.ViT",
        "patch_embed": {
            "_target_": "ocr.nn.patch_embed.LinearPatchEmbed",
            "dim": dim,
            "patch": patch,
            "in_channels": channels,
        },
        "position": {
            "_target_": "ocr.nn.position.LearnedPosition",
            "dim": dim,
            "height": side,
            "width": side,
        },
        "dim": dim,
        "depth": depth,
        "heads": heads,
        "mlp_ratio": state["blocks.0.mlp.fc1.weight"].shape[0] / dim,
        "prefix_tokens": state["prefix"].shape[1] if "prefix" in state else 0,
        "keep_prefix": keep_prefix,
        "qkv_bias": "blocks.0.attn.qkv.bias" in state,
        "norm_epsilon": norm_epsilon,
    }
