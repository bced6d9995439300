"""The line recogniser: one encoder, a CTC head and an autoregressive decoder trained together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ocr.models.decoder import TransformerDecoder
from ocr.models.vit import Encoded, ViT
from ocr.types import ImageBatch


@dataclass
class RecognizerOutput:
    """`ctc_logits`: (b, t, v); `encoded`: the features; `decoder_logits`: (b, l, v) or None without tokens."""

    ctc_logits: torch.Tensor
    encoded: Encoded
    decoder_logits: torch.Tensor | None


class Recognizer(nn.Module):
    """Encoder with two heads (joint CTC and attention, Kim et al. 2017; Watanabe et al. 2017).

    The CTC head is fast, aligns characters to columns and guards against invented text; the decoder knows
    the language. Either head may be used alone.

    Args:
        encoder: image encoder. ctc_vocabulary: characters with the blank (index 0).
        decoder: text decoder over its own tokens, or None for a CTC-only model.
        ctc_dropout: on the features before the CTC head.
    """

    def __init__(
        self,
        encoder: ViT,
        *,
        ctc_vocabulary: int,
        decoder: TransformerDecoder | None = None,
        ctc_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.ctc_head = nn.Sequential(nn.Dropout(ctc_dropout), nn.Linear(encoder.dim, ctc_vocabulary))
        self.decoder = decoder
        nn.init.trunc_normal_(self.ctc_head[1].weight, std=0.02)
        nn.init.zeros_(self.ctc_head[1].bias)

    def encode(self, images: ImageBatch) -> Encoded:
        """images: pixels (b, 1, h, w) with ink near 1, widths (b,). Returns features (b, t, d)."""
        return self.encoder(images.pixels, images.widths)

    def ctc_logits(self, encoded: Encoded) -> torch.Tensor:
        """(b, t, v) unnormalised scores of characters and blank, a column each."""
        return self.ctc_head(encoded.features)

    def forward(self, images: ImageBatch, tokens: torch.Tensor | None = None) -> RecognizerOutput:
        """tokens: (b, l) int64 decoder input starting with bos, padded with 0; None skips the decoder."""
        encoded = self.encode(images)
        decoded = None
        if tokens is not None and self.decoder is not None:
            decoded = self.decoder(tokens, encoded.features, encoded.mask)
        return RecognizerOutput(self.ctc_logits(encoded), encoded, decoded)
