"""Conversion of ViT and DeiT (Dosovitskiy et al. 2021, Touvron et al. 2021) by timm or Hugging Face to an encoder."""

from __future__ import annotations

from pathlib import Path

from ocr.bundle import Bundle
from ocr.convert.files import filled_model
from ocr.convert.vit import TIMM, Colors, find_encoder, take_encoder, vit_config
from ocr.convert.weights import Weights
from ocr.errors import WeightsError

HEAD_WIDTH = 64
"""Width of an attention head in every published ViT and DeiT."""

CLASSIFIERS = ("head", "classifier", "pooler.", "pre_logits", "mask_token")


def convert_deit(path: str | Path, *, name: str, colors: Colors, heads: int | None = None) -> Bundle:
    """Make an encoder bundle for gray, ink-positive lines from weights trained on color pictures.

    Args:
        colors: normalization of the pictures that the weights were trained on.
        heads: number of attention heads; None for heads of width 64.
    Raises:
        WeightsError: the file is missing or damaged, or not of a plain ViT or DeiT.
    """
    weights = Weights.read(path)
    if heads is not None and heads < 1:
        raise WeightsError(f"heads must be at least 1, got {heads}")
    naming, at = find_encoder(weights)
    state = take_encoder(weights, naming, at, colors=colors, gray=True)
    weights.ignore(*CLASSIFIERS)
    # The file may hold other models as well, but every tensor of the encoder must have been used.
    left = [key for key in weights.names() if key.startswith(at)]
    if left:
        raise WeightsError(
            f"{weights.path}: {left[0]} (one of {len(left)}) has no place in a plain ViT or DeiT"
        )
    config = vit_config(
        state,
        heads=heads or max(1, len(state["norm.weight"]) // HEAD_WIDTH),
        norm_epsilon=1e-6 if naming is TIMM else 1e-12,
        keep_prefix=False,
    )
    return Bundle(
        "encoder",
        name,
        filled_model(config, state, weights.path),
        config,
        training_data=[{"name": weights.path.name, "licence": "see the original", "use": "its weights"}],
        description={
            "summary": f"Image encoder, converted from {weights.path.name}.",
            "licence": "that of the original weights",
        },
    )
