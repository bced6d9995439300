"""TrOCR (Li et al. 2021) and other image-to-text models of its kind, as run by the package transformers.

They read lines; `ocr convert trocr` makes a bundle of the same weights, which needs no further package.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

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
