"""The line recognizer: one encoder, a CTC head and an autoregressive decoder trained together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ocr.errors import ConfigError
from ocr.models.decoder import CachedDecoder
from ocr.models.vit import Encoded, ViT
from ocr.types import ImageBatch


@dataclass
class RecognizerOutput:
    """`ctc_logits`: (b, t, v) or None without that head; `encoded`: the features; `decoder_logits`: (b, l, v) or
    None without tokens."""

    ctc_logits: torch.Tensor | None
    encoded: Encoded
    decoder_logits: torch.Tensor | None


class Recognizer(nn.Module):
    """Encoder with two heads (joint CTC and attention, Kim et al. 2017; Watanabe et al. 2017).

    The CTC head is fast, aligns characters to columns and guards against invented text; the decoder knows
    the language. Either head may be used alone.

    Args:
        encoder: image encoder.
        ctc_vocabulary: characters with the blank (index 0), or None for a model without a CTC head.
        decoder: text decoder over its own tokens, or None for a CTC-only model.
        ctc_dropout: on the features before the CTC head.
    Raises:
        ConfigError: neither head.
    """

    def __init__(
        self,
        encoder: ViT,
        *,
        ctc_vocabulary: int | None,
        decoder: CachedDecoder | None = None,
        ctc_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if ctc_vocabulary is None and decoder is None:
            raise ConfigError("a recognizer needs a ctc_vocabulary or a decoder")
        self.encoder = encoder
        self.ctc_head = None
        if ctc_vocabulary is not None:
            self.ctc_head = nn.Sequential(nn.Dropout(ctc_dropout), nn.Linear(encoder.dim, ctc_vocabulary))
            nn.init.trunc_normal_(self.ctc_head[1].weight, std=0.02)
            nn.init.zeros_(self.ctc_head[1].bias)
        self.decoder = decoder

    def encode(self, images: ImageBatch) -> Encoded:
        """images: pixels (b, c, h, w) with ink near 1, widths (b,). Returns features (b, t, d)."""
        return self.encoder(images.pixels, images.widths)

    def ctc_logits(self, encoded: Encoded) -> torch.Tensor:
        """(b, t, v) unnormalized scores of characters and blank, a column each.

        Raises ConfigError if the model has no CTC head.
        """
        if self.ctc_head is None:
            raise ConfigError("this model has no CTC head: use decode=greedy or decode=beam")
        return self.ctc_head(encoded.features)

    def forward(self, images: ImageBatch, tokens: torch.Tensor | None = None) -> RecognizerOutput:
        """tokens: (b, l) int64 decoder input starting with bos, padded with 0; None skips the decoder."""
        encoded = self.encode(images)  # features (b, t, d)
        decoded = None
        if tokens is not None and self.decoder is not None:
            decoded = self.decoder(tokens, encoded.features, encoded.mask)  # (b, l, v)
        ctc = None if self.ctc_head is None else self.ctc_logits(encoded)  # (b, t, v)
        return RecognizerOutput(ctc, encoded, decoded)
