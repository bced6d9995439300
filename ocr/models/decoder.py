"""The text decoder: a pre-norm Transformer with cross-attention, tied embeddings and a key/value cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ocr.errors import ConfigError
from ocr.nn.attention import CrossAttention, SelfAttention
from ocr.nn.mlp import Mlp
from ocr.nn.position import sinusoid

KeysValues = tuple[torch.Tensor, torch.Tensor]


def teacher_forced(
    texts: Sequence[Sequence[int]], *, bos: int, eos: int, pad: int, width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pack texts as inputs of a decoder and the tokens that it should answer with.

    Args:
        texts: b lists of fewer than `width` ids without bos and eos.
    Returns:
        Inputs (bos + text) and expected outputs (text + eos), each (b, width) int64, padded with `pad`.
    """
    inputs = torch.full((len(texts), width), pad)
    expected = torch.full((len(texts), width), pad)
    for row, ids in enumerate(texts):
        inputs[row, : len(ids) + 1] = torch.tensor([bos, *ids])
        expected[row, : len(ids) + 1] = torch.tensor([*ids, eos])
    return inputs, expected


@dataclass
class DecoderCache:
    """Keys and values for incremental decoding: fixed ones of the image, growing ones of the text.

    `cross` and `self_`: one (keys, values) per layer, each (b, heads, t, d / heads). `mask`: (b, 1, 1, t).
    """

    cross: list[KeysValues]
    mask: torch.Tensor
    self_: list[KeysValues | None] = field(default_factory=list)
    length: int = 0

    def select(self, rows: torch.Tensor) -> DecoderCache:
        """Select the given rows (n,), in that order: kept beams, or lines that are not complete."""

        def pick(pair: KeysValues | None) -> KeysValues | None:
            return None if pair is None else (pair[0][rows], pair[1][rows])

        return DecoderCache(
            cross=[pick(pair) for pair in self.cross],
            mask=self.mask[rows],
            self_=[pick(pair) for pair in self.self_],
            length=self.length,
        )

    def reorder(self, rows: torch.Tensor) -> DecoderCache:
        """Select rows (n,), each in place of one of the same line, so that the image's part stays."""
        self_ = [None if pair is None else (pair[0][rows], pair[1][rows]) for pair in self.self_]
        return DecoderCache(cross=self.cross, mask=self.mask, self_=self_, length=self.length)


class DecoderBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward, each pre-norm and residual."""

    def __init__(
        self, dim: int, heads: int, *, mlp_ratio: float, memory_dim: int | None, dropout: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = SelfAttention(dim, heads, dropout=dropout)
        self.norm2 = nn.LayerNorm(dim)
        self.cross = CrossAttention(dim, heads, memory_dim=memory_dim, dropout=dropout)
        self.norm3 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), dropout=dropout)

    def forward(self, x: torch.Tensor, cross: KeysValues, mask: torch.Tensor) -> torch.Tensor:
        """x: (b, l, d); cross: keys and values of the image; mask: (b, 1, 1, t). Returns (b, l, d)."""
        x = x + self.attn(self.norm1(x), causal=True)
        x = x + self.cross(self.norm2(x), cross, mask)
        return x + self.mlp(self.norm3(x))

    def step(
        self, x: torch.Tensor, past: KeysValues | None, cross: KeysValues, mask: torch.Tensor
    ) -> tuple[torch.Tensor, KeysValues]:
        """Run `forward` for one new position x: (b, 1, d)."""
        y, past = self.attn.step(self.norm1(x), past)  # (b, 1, d)
        x = x + y
        x = x + self.cross(self.norm2(x), cross, mask)
        return x + self.mlp(self.norm3(x)), past


class CachedDecoder(nn.Module):
    """Interface of text decoders: teacher forcing by `forward`, one token at a time by `step`.

    A subclass has `blocks`, `drop` and `max_length` (longest text in tokens, begin and end included), and says
    how tokens become vectors and vectors scores.
    """

    blocks: nn.ModuleList
    drop: nn.Dropout
    max_length: int

    def embedded(self, tokens: torch.Tensor, first: int) -> torch.Tensor:
        """tokens: (b, l) at positions `first`, `first` + 1 ... of their texts. Returns (b, l, d)."""
        raise NotImplementedError

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """x: (b, l, d), the last block's output. Returns (b, l, v)."""
        raise NotImplementedError

    def start(self, features: torch.Tensor, mask: torch.Tensor) -> DecoderCache:
        """features: (b, t, m); mask: (b, t) bool. The cache before the first token."""
        return DecoderCache(
            cross=[block.cross.keys_values(features) for block in self.blocks],
            mask=mask[:, None, None, :],
            self_=[None] * len(self.blocks),
        )

    def forward(self, tokens: torch.Tensor, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """tokens: (b, l) int64 starting with bos; features: (b, t, m); mask: (b, t).

        Returns logits (b, l, v) of each next token. Raises ConfigError when l exceeds `max_length`.
        """
        return self.forced(tokens, self.start(features, mask))

    def forced(self, tokens: torch.Tensor, cache: DecoderCache) -> torch.Tensor:
        """Run `forward` for the images of a new `cache`, which stays as it is."""
        length = tokens.shape[1]
        if length > self.max_length:
            raise ConfigError(f"{length} tokens exceed the decoder's max_length {self.max_length}")
        x = self.drop(self.embedded(tokens, 0))  # (b, l, d)
        for block, cross in zip(self.blocks, cache.cross, strict=True):
            x = block(x, cross, cache.mask)
        return self.logits(x)  # (b, l, v)

    def step(self, tokens: torch.Tensor, cache: DecoderCache) -> torch.Tensor:
        """tokens: (b,) int64, the newest of each row. Grows `cache` in place; returns logits (b, v)."""
        if cache.length >= self.max_length:
            raise ConfigError(f"decoding ran past the decoder's max_length {self.max_length}")
        x = self.embedded(tokens[:, None], cache.length)  # (b, 1, d)
        for index, block in enumerate(self.blocks):
            x, cache.self_[index] = block.step(x, cache.self_[index], cache.cross[index], cache.mask)
        cache.length += 1
        return self.logits(x)[:, 0]  # (b, v)


class TransformerDecoder(CachedDecoder):
    """Decoder that predicts the next token from the text so far and the image (Li et al. 2021, TrOCR).

    Args:
        vocabulary: number of tokens. max_length: longest text in tokens, begin and end included.
        memory_dim: width of the encoder, where it differs from `dim`.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        max_length: int = 256,
        memory_dim: int | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.embed = nn.Embedding(vocabulary, dim)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            DecoderBlock(dim, heads, mlp_ratio=mlp_ratio, memory_dim=memory_dim, dropout=dropout)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.register_buffer("position", sinusoid(max_length, dim), persistent=False)
        self.scale = dim**0.5
        nn.init.normal_(self.embed.weight, std=dim**-0.5)

    def embedded(self, tokens: torch.Tensor, first: int) -> torch.Tensor:
        """Scaled embeddings plus sinusoids; see `CachedDecoder`."""
        position = self.position[first : first + tokens.shape[1]]  # (l, d)
        return self.embed(tokens) * self.scale + position  # (b, l, d)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """(b, l, d) -> (b, l, v) through the transposed embedding."""
        return nn.functional.linear(self.norm(x), self.embed.weight, self.bias.to(self.embed.weight.dtype))
