"""TrOCR (Li et al. 2021) and other image-to-text models of its kind, as run by the package transformers.

They read lines; `ocr convert trocr` makes a bundle of the same weights, which needs no further package. Where there
is no checkpoint, `load_untrained` builds the network of TrOCR-small with random weights, to measure its speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError

from ocr.decoding import Hypothesis
from ocr.errors import ConfigError
from ocr.evaluation.engine import Machine, packages_of

MAX_TOKENS = 128
"""Highest number of tokens per line where the checkpoint states none."""
UNSTATED = (None, 20)
"""Limits of transformers for a checkpoint that states none; 20 tokens would cut off many lines."""

SIDE = 384
"""Height and width to which the published networks scale a line."""


class Trocr:
    """Engine that runs a vision encoder-decoder with the search settings of its checkpoint."""

    def __init__(self, model: Any, processor: Any, name: str) -> None:
        self.model, self.processor = model, processor
        self.title = Path(name).name
        parameters = sum(weight.numel() for weight in model.parameters())
        self.about = {"model": name, "parameters": parameters, "transformers": version_of("transformers")}

    @torch.inference_mode()
    def read_lines(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Read line images; see `LineEngine`."""
        pictures = [Image.fromarray(image).convert("RGB") for image in images]
        pixels = self.processor(pictures, return_tensors="pt").pixel_values.to(self.model.device)
        found = self.model.generate(pixels, return_dict_in_generate=True, output_scores=True)
        steps = self.model.compute_transition_scores(
            found.sequences, found.scores, getattr(found, "beam_indices", None), normalize_logits=True
        )
        written = found.sequences[:, -steps.shape[1] :] != self.model.generation_config.pad_token_id
        mean = torch.where(written, steps, 0).sum(1) / written.sum(1).clamp(min=1)
        texts = self.processor.batch_decode(found.sequences, skip_special_tokens=True)
        return [Hypothesis(text, value) for text, value in zip(texts, mean.exp().tolist(), strict=True)]


def load(machine: Machine, *, model: str | None = None) -> Trocr:
    """Load a checkpoint.

    Args:
        model: a folder, or a name on the Hugging Face hub.
    Raises:
        ConfigError: no model is given, it cannot be loaded, or the package is missing.
    """
    with packages_of("trocr"):
        from transformers import TrOCRProcessor, VisionEncoderDecoderModel
    if not model:
        raise ConfigError("engine=trocr needs trocr.model=, a folder or a name on the Hugging Face hub")
    try:
        network = VisionEncoderDecoderModel.from_pretrained(model).to(machine.device).eval()
        processor = TrOCRProcessor.from_pretrained(model)
    except (OSError, ValueError, SafetensorError) as error:
        raise ConfigError(f"trocr.model={model}: {str(error).splitlines()[0]}") from error
    generation = network.generation_config
    if generation.max_length in UNSTATED:
        positions = getattr(network.config.decoder, "max_position_embeddings", MAX_TOKENS)
        generation.max_length = min(MAX_TOKENS, positions)
    return Trocr(network, processor, model)


class UntrainedTrocr:
    """Engine that writes `steps` tokens per line greedily, `batch` lines at once; all texts are empty."""

    title = "TrOCR-small, random weights"

    def __init__(self, model: Any, device: torch.device, *, steps: int, batch: int) -> None:
        self.model, self.device, self.steps, self.batch = model, device, steps, batch
        parameters = sum(weight.numel() for weight in model.parameters())
        versions = {"transformers": version_of("transformers")}
        self.about = {"steps": steps, "batch": batch, "parameters": parameters, "packages": versions}

    @torch.inference_mode()
    def read_lines(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Do the work of reading line images; see `LineEngine`."""
        for start in range(0, len(images), self.batch):
            inputs = np.stack([_input(image) for image in images[start : start + self.batch]])
            pixels = torch.from_numpy(inputs).to(self.device).float() / 127.5 - 1
            # The end of text is suppressed up to the last step.
            self.model.generate(
                pixels, min_new_tokens=self.steps, max_new_tokens=self.steps, num_beams=1, do_sample=False
            )
        return [Hypothesis("", 0.0) for _ in images]


def load_untrained(machine: Machine, *, steps: str | int = 15, batch: str | int = 8) -> UntrainedTrocr:
    """Build the network.

    Args:
        steps: tokens per line; 15 are about 40 characters. batch: lines at once.
    Raises:
        ConfigError: transformers is missing, or a number is none.
    """
    try:
        steps, batch = int(steps), int(batch)
    except ValueError as error:
        raise ConfigError(f"trocr-small: steps={steps}, batch={batch}: expected numbers") from error
    with packages_of("trocr"):
        model = untrained_network()
    return UntrainedTrocr(model.to(machine.device), machine.device, steps=steps, batch=batch)


def untrained_network() -> Any:
    """Build the network of the checkpoint microsoft/trocr-small-handwritten with random weights, for inference.

    Raises:
        ImportError: transformers is missing.
    """
    from transformers import DeiTConfig, TrOCRConfig, VisionEncoderDecoderConfig, VisionEncoderDecoderModel

    encoder = DeiTConfig(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        intermediate_size=1536,
        image_size=SIDE,
        patch_size=16,
    )
    decoder = TrOCRConfig(
        vocab_size=64044,
        d_model=256,
        decoder_layers=6,
        decoder_attention_heads=8,
        decoder_ffn_dim=1024,
        activation_function="relu",
        max_position_embeddings=512,
        cross_attention_hidden_size=384,
        scale_embedding=True,
        tie_word_embeddings=False,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    model = VisionEncoderDecoderModel(config=config).eval()
    generation = model.generation_config
    generation.decoder_start_token_id = generation.eos_token_id = 2
    generation.pad_token_id = 1
    return model


def _input(image: np.ndarray) -> np.ndarray:
    """Scale a line, uint8 (h, w) or (h, w, 3), to the network's input (3, side, side)."""
    colors = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    return cv2.resize(colors, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
