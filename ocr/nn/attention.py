"""Multi-head attention (Vaswani et al. 2017) for the encoder and the decoder, with key/value caching."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ocr.errors import ConfigError


def _split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """(b, t, d) -> (b, heads, t, d / heads)"""
    b, t, d = x.shape
    return x.view(b, t, heads, d // heads).transpose(1, 2)


def _merge_heads(x: torch.Tensor) -> torch.Tensor:
    """(b, heads, t, d / heads) -> (b, t, d)"""
    b, heads, t, width = x.shape
    return x.transpose(1, 2).reshape(b, t, heads * width)


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    dropout: float = 0.0,
    causal: bool = False,
) -> torch.Tensor:
    """Scaled dot-product attention by whichever kernel is fastest.

    Training in bfloat16 on a CPU takes plain products: the backward pass of PyTorch's fused kernel there takes two to
    three times as long for lines of 50 to 200 tokens.

    Args:
        q: (b, heads, l, d). k, v: (b, heads, t, d). mask: broadcasts to (b, heads, l, t), True where a
            key may be seen.
        causal: position i sees keys 0 to i; not together with `mask`.
    Returns:
        (b, heads, l, d).
    """
    plain = q.device.type == "cpu" and q.dtype == torch.bfloat16 and torch.is_grad_enabled() and not dropout
    if not plain:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal)
    if causal:
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()  # (l, t)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)  # (b, heads, l, t)
    if mask is not None:
        # Adding costs half of filling, forward and backward.
        scores = scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill_(
            ~mask, torch.finfo(scores.dtype).min
        )
    return scores.softmax(-1) @ v  # (b, heads, l, d)


class SelfAttention(nn.Module):
    """Self-attention with one fused projection; parameter names follow timm's ViT so that its weights load.

    Args:
        dim: width d. heads: must divide it. qkv_bias: bias on the fused projection.
    """

    def __init__(self, dim: int, heads: int, *, qkv_bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        if dim % heads:
            raise ConfigError(f"attention width {dim} is not divisible by {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None = None, *, causal: bool = False
    ) -> torch.Tensor:
        """x: (b, t, d); mask: (b, 1, 1, t) bool, True where a key may be seen. Returns (b, t, d)."""
        qkv = self.qkv(x).chunk(3, dim=-1)  # 3 x (b, t, d)
        q, k, v = (_split_heads(part, self.heads) for part in qkv)  # (b, heads, t, d / heads)
        dropout = self.dropout if self.training else 0.0
        y = attend(q, k, v, mask, dropout=dropout, causal=causal)  # (b, heads, t, d / heads)
        return self.proj(_merge_heads(y))

    def step(
        self, x: torch.Tensor, past: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """One causal step. x: (b, 1, d); past: keys and values (b, heads, t, d / heads) seen so far.

        Returns the output (b, 1, d) and the grown cache.
        """
        qkv = self.qkv(x).chunk(3, dim=-1)  # 3 x (b, 1, d)
        q, k, v = (_split_heads(part, self.heads) for part in qkv)  # (b, heads, 1, d / heads)
        if past is not None:
            k = torch.cat((past[0], k), dim=2)  # (b, heads, t + 1, d / heads)
            v = torch.cat((past[1], v), dim=2)
        return self.proj(_merge_heads(attend(q, k, v))), (k, v)


class CrossAttention(nn.Module):
    """Attention from decoder positions to encoder features, whose keys and values are computed once a line."""

    def __init__(self, dim: int, heads: int, *, memory_dim: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        if dim % heads:
            raise ConfigError(f"attention width {dim} is not divisible by {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(memory_dim or dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def keys_values(self, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """memory: (b, t, m) encoder features. Returns keys and values, each (b, heads, t, d / heads)."""
        k, v = self.kv(memory).chunk(2, dim=-1)  # 2 x (b, t, d)
        return _split_heads(k, self.heads), _split_heads(v, self.heads)

    def forward(
        self,
        x: torch.Tensor,
        keys_values: tuple[torch.Tensor, torch.Tensor],
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """x: (b, l, d); keys_values from `keys_values`; mask: (b, 1, 1, t) bool. Returns (b, l, d)."""
        q = _split_heads(self.q(x), self.heads)  # (b, heads, l, d / heads)
        dropout = self.dropout if self.training else 0.0
        y = attend(q, *keys_values, mask, dropout=dropout)  # (b, heads, l, d / heads)
        return self.proj(_merge_heads(y))
