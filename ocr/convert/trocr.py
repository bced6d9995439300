"""Conversion of TrOCR (Li et al. 2021), a VisionEncoderDecoder folder of Hugging Face, to a recognizer bundle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ocr.bundle import Bundle
from ocr.convert.files import expect, filled_model, read_json
from ocr.convert.hf_text import MAX_TOKENS, read_generation, read_tokenizer
from ocr.convert.vit import HUGGING_FACE, Colors, take_encoder, vit_config
from ocr.convert.weights import Weights
from ocr.errors import WeightsError
from ocr.image.fixed_size import FixedSizePreprocessor

CONFIG = "config.json"
FILES = ("model.safetensors", "pytorch_model.bin")
FILTERS = {2: "bilinear", 3: "bicubic"}
"""Interpolations by Pillow's numbers."""

ENCODER = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 16,
    "layer_norm_eps": 1e-12,
}
DECODER = {
    "vocab_size": 50265,
    "d_model": 1024,
    "decoder_layers": 12,
    "decoder_attention_heads": 16,
    "decoder_ffn_dim": 4096,
    "activation_function": "gelu",
    "max_position_embeddings": 512,
    "scale_embedding": False,
    "use_learned_position_embeddings": True,
    "layernorm_embedding": True,
    "decoder_start_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
}
"""Defaults of the library for settings that a `config.json` leaves out."""

AT = "decoder.model.decoder."
UNUSED_POSITIONS = 2
"""Number of unused rows at the beginning of published position tables."""


def convert_trocr(folder: str | Path, *, name: str) -> Bundle:
    """Make a recognizer bundle, without CTC head, of a TrOCR checkpoint folder.

    `description["not_carried_over"]` holds settings of text generation without counterpart in `ocr.decoding`.

    Raises:
        WeightsError: a file is missing or damaged, or the architecture is not TrOCR's.
    """
    folder = Path(folder)
    config, encoder, decoder = _settings(folder / CONFIG)
    generation = read_generation(folder, config, decoder)
    tokenizer = read_tokenizer(folder, pad=generation.pad, bos=generation.start, eos=generation.end)
    preprocess, colors = _preprocessing(folder, encoder["image_size"])
    max_length = generation.max_length or MAX_TOKENS
    model, model_config = _model(folder, encoder, decoder, colors=colors, max_length=max_length)
    description = {
        "summary": f"TrOCR, converted from {folder.name}.",
        "licence": "that of the original weights",
    }
    if generation.dropped:
        description["not_carried_over"] = generation.dropped
    return Bundle(
        "recognizer",
        name,
        model,
        model_config,
        {"preprocess": preprocess.config(), "tokenizer": tokenizer.config()},
        decoding={"strategy": "beam" if generation.beams > 1 else "greedy"},
        training_data=[{"name": folder.name, "licence": "see the original", "use": "its weights"}],
        description=description,
    )


def _settings(source: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Read `config.json`: all of it, and the complete settings of encoder and decoder, of known kinds."""
    config = read_json(source)
    encoder, decoder = ENCODER | (config.get("encoder") or {}), DECODER | (config.get("decoder") or {})
    kinds = encoder.get("model_type"), decoder.get("model_type")
    if kinds not in (("vit", "trocr"), ("deit", "trocr")):
        raise WeightsError(f"{source}: encoder and decoder are {kinds}, expected vit or deit, and trocr")
    expect(source, encoder, {"hidden_act": "gelu", "num_channels": 3})
    return config, encoder, decoder


def _model(
    folder: Path, encoder: dict[str, Any], decoder: dict[str, Any], *, colors: Colors, max_length: int
) -> tuple[nn.Module, dict[str, Any]]:
    """Read the weights into a recognizer; returns it with its configuration."""
    weights = Weights.read(next((folder / f for f in FILES if (folder / f).is_file()), folder / FILES[0]))
    weights.ignore("pooler.", "mask_token", "_float_tensor")
    encoder_state = take_encoder(weights, HUGGING_FACE, "encoder.", colors=colors)
    encoder_config = _encoder_config(folder / CONFIG, encoder, encoder_state)
    decoder_config, decoder_state = _decoder(weights, decoder, memory_dim=encoder_config["dim"])
    decoder_config["max_length"] = min(max_length, decoder_config["positions"])
    weights.finish()
    model_config = {
        "_target_": "ocr.models.recognizer.Recognizer",
        "ctc_vocabulary": None,
        "encoder": encoder_config,
        "decoder": decoder_config,
    }
    state = {f"encoder.{key}": value for key, value in encoder_state.items()}
    state |= {f"decoder.{key}": value for key, value in decoder_state.items()}
    return filled_model(model_config, state, weights.path), model_config


def _preprocessing(folder: Path, image_size: Any) -> tuple[FixedSizePreprocessor, Colors]:
    """Read `preprocessor_config.json`, or the image part of `processor_config.json`."""
    path = folder / "preprocessor_config.json"
    if path.is_file() or not (folder / "processor_config.json").is_file():
        settings = read_json(path)
    else:
        path = folder / "processor_config.json"
        settings = read_json(path).get("image_processor") or {}
    size, crop = _height_width(settings.get("size") or image_size), settings.get("crop_size")
    if size != _height_width(image_size) or (
        settings.get("do_center_crop") and _height_width(crop or size) != size
    ):
        raise WeightsError(
            f"{path}: size {size}, crop {crop}: expected the encoder's {image_size} and no crop"
        )
    expect(path, settings, {"do_resize": True, "do_rescale": True})
    if abs(settings.get("rescale_factor", 1 / 255) * 255 - 1) > 1e-6:
        raise WeightsError(f"{path}: rescale_factor is {settings['rescale_factor']}, expected 1/255")
    kind = str(settings.get("image_processor_type") or settings.get("feature_extractor_type") or "")
    resample = settings.get("resample", 3 if kind.startswith("DeiT") else 2)
    if resample not in FILTERS:
        raise WeightsError(f"{path}: resample is {resample!r}, expected one of {list(FILTERS)}")
    colors = Colors(settings.get("image_mean", [0.5] * 3), settings.get("image_std", [0.5] * 3))
    if settings.get("do_normalize") is False:
        colors = Colors([0.0] * 3, [1.0] * 3)
    if len(colors.mean) != 3 or len(colors.std) != 3 or 0 in colors.std:
        raise WeightsError(f"{path}: image_mean {colors.mean}, image_std {colors.std}: not of three colors")
    return FixedSizePreprocessor(height=size[0], width=size[1], filter=FILTERS[resample]), colors


def _encoder_config(source: Path, settings: dict[str, Any], state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Make the `_target_` dict of the encoder. Raises WeightsError where configuration and weights disagree."""
    config = vit_config(
        state,
        heads=settings["num_attention_heads"],
        norm_epsilon=settings["layer_norm_eps"],
        keep_prefix=True,
    )
    grid, patch = config["position"], config["patch_embed"]["patch"]
    derived = {
        "hidden_size": config["dim"],
        "num_hidden_layers": config["depth"],
        "patch_size": tuple(patch),
        "image_size": (grid["height"] * patch[0], grid["width"] * patch[1]),
    }
    sizes = {key: _height_width(settings[key]) for key in ("patch_size", "image_size")}
    expect(source, settings | sizes, derived)
    return config


def _decoder(
    weights: Weights, settings: dict[str, Any], *, memory_dim: int
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Make the `_target_` dict of the decoder, without `max_length`, and take its tensors."""
    embedding, scores = f"{AT}embed_tokens.weight", "decoder.output_projection.weight"
    state = {"embed.weight": weights.take(embedding if embedding in weights else scores)}
    # Tied matrices are stored once or twice, whatever the configuration states.
    if scores in weights and not torch.equal(out := weights.take(scores), state["embed.weight"]):
        state["out.weight"] = out
    if settings["use_learned_position_embeddings"]:
        state["position"] = weights.take(f"{AT}embed_positions.weight")[UNUSED_POSITIONS:]
    else:
        first = settings["pad_token_id"] + 1
        state["position"] = fairseq_sinusoid(
            settings["max_position_embeddings"], settings["d_model"], first=first
        )
    for kind in ("weight", "bias"):
        if settings["layernorm_embedding"]:
            state[f"norm.{kind}"] = weights.take(f"{AT}layernorm_embedding.{kind}")
        for layer in range(settings["decoder_layers"]):
            state |= _block(weights, layer, kind)
    return {
        "_target_": "ocr.models.trocr_decoder.TrocrDecoder",
        "vocabulary": settings["vocab_size"],
        "dim": settings["d_model"],
        "depth": settings["decoder_layers"],
        "heads": settings["decoder_attention_heads"],
        "hidden": settings["decoder_ffn_dim"],
        "memory_dim": memory_dim,
        "positions": state["position"].shape[0],
        "activation": settings["activation_function"],
        "embedding_norm": settings["layernorm_embedding"],
        "scale_embedding": settings["scale_embedding"],
        "tied": "out.weight" not in state,
    }, state


def _block(weights: Weights, layer: int, kind: str) -> dict[str, torch.Tensor]:
    """Take the weights or biases of one decoder block, under the names of `TrocrDecoder`."""
    theirs, mine = f"{AT}layers.{layer}.", f"blocks.{layer}."
    single = {
        "attn.proj": "self_attn.out_proj",
        "norm1": "self_attn_layer_norm",
        "cross.q": "encoder_attn.q_proj",
        "cross.proj": "encoder_attn.out_proj",
        "norm2": "encoder_attn_layer_norm",
        "mlp.fc1": "fc1",
        "mlp.fc2": "fc2",
        "norm3": "final_layer_norm",
    }
    fused = {
        "attn.qkv": [f"self_attn.{part}_proj" for part in "qkv"],
        "cross.kv": [f"encoder_attn.{part}_proj" for part in "kv"],
    }
    state = {f"{mine}{m}.{kind}": weights.take(f"{theirs}{t}.{kind}") for m, t in single.items()}
    for m, parts in fused.items():
        state[f"{mine}{m}.{kind}"] = weights.join([f"{theirs}{part}.{kind}" for part in parts])
    return state


def fairseq_sinusoid(length: int, dim: int, *, first: int) -> torch.Tensor:
    """Compute (length, dim) sines, then cosines, of positions `first`, `first` + 1 ..., in the order of fairseq."""
    half = dim // 2
    rate = torch.exp(torch.arange(half).float() * -(math.log(10000) / (half - 1)))
    angle = torch.arange(first, first + length).float()[:, None] * rate
    return torch.nn.functional.pad(torch.cat((angle.sin(), angle.cos()), dim=1), (0, dim % 2))


def _height_width(size: Any) -> tuple[int, int]:
    """Read a size of Hugging Face: one number, a pair, or a dictionary."""
    if isinstance(size, dict):
        return size.get("height"), size.get("width")
    return (size, size) if isinstance(size, int) else tuple(size)
