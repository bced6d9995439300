"""The image encoder: a Vision Transformer (Dosovitskiy et al. 2021; DeiT, Touvron et al. 2021) for any size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ocr.nn.attention import SelfAttention
from ocr.nn.drop_path import DropPath
from ocr.nn.masking import valid_columns
from ocr.nn.mlp import Mlp
from ocr.nn.position import ConditionalPosition


@dataclass
class Encoded:
    """Features of a batch of lines.

    `features`: (b, t, d), the grid row by row, after the prefix tokens if the encoder keeps them.
    `lengths`: (b,) valid columns; with a one-row grid and no prefix these are the valid tokens.
    `mask`: (b, t) bool, True where a token is valid. `stride`: pixels per column.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    mask: torch.Tensor
    stride: int


class Block(nn.Module):
    """Pre-norm Transformer block; `position`, if given, runs first on the token grid."""

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        mlp_ratio: float,
        qkv_bias: bool = True,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        norm_epsilon: float = 1e-6,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=norm_epsilon)
        self.attn = SelfAttention(dim, heads, qkv_bias=qkv_bias, dropout=dropout)
        self.norm2 = nn.LayerNorm(dim, eps=norm_epsilon)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), dropout=dropout)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """x: (b, t, d); mask: (b, 1, 1, t) bool or None. Returns (b, t, d)."""
        x = x + self.drop_path(self.attn(self.norm1(x), mask))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class ViT(nn.Module):
    """Patch embedding, position, Transformer blocks, final norm. Padding is masked throughout.

    Args:
        patch_embed: maps pixels (b, c, h, w) and widths (b,) to a grid (b, d, gh, gw) and valid columns (b,).
        position: added to the grid once, (b, d, gh, gw) -> same; None for none.
        conditional_kernel: width in columns of a conditional position run before every block; 0 for none.
        prefix_tokens: learned tokens put first (DeiT: 1 class token, 2 with distillation).
        keep_prefix: whether they stay in the output, for a decoder to look at; a CTC head wants columns alone.
    """

    def __init__(
        self,
        patch_embed: nn.Module,
        *,
        dim: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        position: nn.Module | None = None,
        conditional_kernel: int = 0,
        prefix_tokens: int = 0,
        keep_prefix: bool = False,
        qkv_bias: bool = True,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        norm_epsilon: float = 1e-6,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.patch_embed = patch_embed
        self.position = position
        self.block_position = (
            nn.ModuleList(ConditionalPosition(dim, kernel_width=conditional_kernel) for _ in range(depth))
            if conditional_kernel
            else None
        )
        self.prefix = nn.Parameter(torch.zeros(1, prefix_tokens, dim)) if prefix_tokens else None
        self.prefix_tokens = prefix_tokens
        self.keep_prefix = keep_prefix
        rates = [drop_path * index / max(1, depth - 1) for index in range(depth)]
        self.blocks = nn.ModuleList(
            Block(
                dim,
                heads,
                mlp_ratio=mlp_ratio,
                qkv_bias=qkv_bias,
                dropout=dropout,
                drop_path=rate,
                norm_epsilon=norm_epsilon,
            )
            for rate in rates
        )
        self.norm = nn.LayerNorm(dim, eps=norm_epsilon)
        if self.prefix is not None:
            nn.init.trunc_normal_(self.prefix, std=0.02)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, pixels: torch.Tensor, widths: torch.Tensor) -> Encoded:
        """pixels: (b, c, h, w) float; widths: (b,) valid pixel columns. Tokens run row by row."""
        grid, columns = self.patch_embed(pixels, widths)  # (b, d, gh, gw), (b,)
        b, _, gh, gw = grid.shape
        valid = valid_columns(columns, gw)  # (b, gw)
        if self.position is not None:
            grid = self.position(grid)
        grid = grid * valid[:, None, None, :]
        x = grid.flatten(2).transpose(1, 2)  # (b, t, d) with t = gh gw
        mask = seen = valid[:, None, :].expand(b, gh, gw).reshape(b, gh * gw)  # (b, t)
        if self.prefix is not None:
            x = torch.cat((self.prefix.expand(b, -1, -1).to(x.dtype), x), dim=1)  # (b, p + t, d)
            seen = torch.cat((seen.new_ones(b, self.prefix_tokens), seen), dim=1)  # (b, p + t)
        for index, block in enumerate(self.blocks):
            if self.block_position is not None:
                x = self._on_grid(self.block_position[index], x, mask, (gh, gw))
            # With the mask even where nothing is padded: a choice by content hinders export and saves no time.
            x = block(x, seen[:, None, None, :])
        x = self.norm(x)
        if self.keep_prefix:
            return Encoded(x, columns, seen, self.patch_embed.stride)
        return Encoded(x[:, self.prefix_tokens :], columns, mask, self.patch_embed.stride)

    def _on_grid(
        self, module: nn.Module, x: torch.Tensor, mask: torch.Tensor, size: tuple[int, int]
    ) -> torch.Tensor:
        """Run a grid module on tokens (b, p + t, d), invalid tokens zeroed, prefix tokens left alone."""
        prefix, tokens = x[:, : self.prefix_tokens], x[:, self.prefix_tokens :]
        grid = (tokens * mask[..., None]).transpose(1, 2).unflatten(2, size)  # (b, d, gh, gw)
        tokens = module(grid).flatten(2).transpose(1, 2)  # (b, t, d)
        return torch.cat((prefix, tokens), dim=1) if self.prefix_tokens else tokens
