"""Conversion of ViT and DeiT (Dosovitskiy et al. 2021, Touvron et al. 2021) by timm or Hugging Face to an encoder."""

from __future__ import annotations

from pathlib import Path

from ocr.bundle import Bundle
from ocr.convert.files import filled_model
from ocr.convert.vit import TIMM, Colors, find_encoder, take_encoder, vit_config
from ocr.convert.weights import Weights
from ocr.errors import WeightsError, one_line

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
    return encoder_bundle(weights, name=name, colors=colors, heads=heads)


def convert_timm(model_name: str, *, pretrained: bool = True) -> Bundle:
    """Make an encoder bundle, as `convert_deit` does, from a plain ViT or DeiT that timm knows by name.

    Args:
        model_name: such as `deit_tiny_patch16_224`. pretrained: load the published weights, which timm downloads
            where they are not in its cache.
    Raises:
        WeightsError: timm has no such model or no weights of it, they cannot be had, or it is no plain ViT or DeiT.
    """
    import timm

    # Names such as hf-hub:... are those of strangers' models.
    if not timm.is_model(model_name):
        raise WeightsError(f"timm:{model_name}: timm has no model of this name")
    try:
        model = timm.create_model(model_name, pretrained=pretrained)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"timm:{model_name}: its weights cannot be had ({one_line(error)})") from error
    weights = Weights(Path(f"timm:{model_name}"), model.state_dict())
    given = model.pretrained_cfg
    colors = Colors(given["mean"], given["std"])
    attention = next((part for part in model.modules() if hasattr(part, "num_heads")), None)
    heads = None if attention is None else attention.num_heads
    return encoder_bundle(weights, name=model_name, colors=colors, heads=heads)


def encoder_bundle(weights: Weights, *, name: str, colors: Colors, heads: int | None = None) -> Bundle:
    """Make an encoder bundle from the tensors of a ViT or DeiT; arguments and errors as of `convert_deit`."""
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
