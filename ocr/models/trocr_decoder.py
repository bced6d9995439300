"""The text decoder of the published TrOCR weights: post-norm, with learned positions."""

from __future__ import annotations

import torch
from torch import nn

from ocr.errors import ConfigError
from ocr.models.decoder import CachedDecoder, KeysValues
from ocr.nn.attention import CrossAttention, SelfAttention
from ocr.nn.mlp import Mlp

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU}


class PostNormBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward, each residual and normalized afterwards."""

    def __init__(
        self, dim: int, heads: int, *, hidden: int, memory_dim: int, activation: str, dropout: float
    ) -> None:
        super().__init__()
        self.attn = SelfAttention(dim, heads)
        self.norm1 = nn.LayerNorm(dim)
        self.cross = CrossAttention(dim, heads, memory_dim=memory_dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, hidden, dropout=dropout, act=ACTIVATIONS[activation]())
        self.norm3 = nn.LayerNorm(dim)

    def forward(self, x: torch.Tensor, cross: KeysValues, mask: torch.Tensor) -> torch.Tensor:
        """x: (b, l, d); cross: keys and values of the image; mask: (b, 1, 1, t). Returns (b, l, d)."""
        x = self.norm1(x + self.attn(x, causal=True))
        x = self.norm2(x + self.cross(x, cross, mask))
        return self.norm3(x + self.mlp(x))

    def step(
        self, x: torch.Tensor, past: KeysValues | None, cross: KeysValues, mask: torch.Tensor
    ) -> tuple[torch.Tensor, KeysValues]:
        """Run `forward` for one new position x: (b, 1, d)."""
        y, past = self.attn.step(x, past)  # (b, 1, d)
        x = self.norm1(x + y)
        x = self.norm2(x + self.cross(x, cross, mask))
        return self.norm3(x + self.mlp(x)), past


class TrocrDecoder(CachedDecoder):
    """Decoder of the published TrOCR models (Li et al. 2021); `ocr.convert` fills it with their weights.

    Args:
        vocabulary: number of tokens. hidden: width inside the feed-forward. memory_dim: width of the encoder.
        positions: rows of the position table. max_length: longest text in tokens, begin and end included.
        activation: `gelu` or `relu`. embedding_norm: normalize embeddings. scale_embedding: multiply them by
            the root of `dim`. tied: scores are products with the embedding, not with a matrix of their own.
    Raises:
        ConfigError: an unknown activation, or `max_length` beyond `positions`.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        dim: int,
        depth: int,
        heads: int,
        hidden: int,
        memory_dim: int,
        positions: int,
        max_length: int,
        activation: str = "gelu",
        embedding_norm: bool = True,
        scale_embedding: bool = False,
        tied: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ConfigError(f"activation {activation!r} is not one of {', '.join(ACTIVATIONS)}")
        if not 2 <= max_length <= positions:
            raise ConfigError(f"max_length must lie between 2 and positions={positions}, got {max_length}")
        self.max_length = max_length
        self.embed = nn.Embedding(vocabulary, dim)
        self.position = nn.Parameter(torch.zeros(positions, dim))
        self.norm = nn.LayerNorm(dim) if embedding_norm else nn.Identity()
        self.scale = dim**0.5 if scale_embedding else 1.0
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            PostNormBlock(
                dim, heads, hidden=hidden, memory_dim=memory_dim, activation=activation, dropout=dropout
            )
            for _ in range(depth)
        )
        self.out = None if tied else nn.Linear(dim, vocabulary, bias=False)
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.normal_(self.position, std=0.02)

    def embedded(self, tokens: torch.Tensor, first: int) -> torch.Tensor:
        """Embeddings plus learned positions, normalized; see `CachedDecoder`."""
        position = self.position[first : first + tokens.shape[1]]  # (l, d)
        return self.norm(self.embed(tokens) * self.scale + position)  # (b, l, d)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """(b, l, d) -> (b, l, v)."""
        weight = self.embed.weight if self.out is None else self.out.weight  # (v, d)
        return nn.functional.linear(x, weight)
