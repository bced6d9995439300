"""The network of TrOCR-small (Li et al. 2021) with random weights, run by transformers: its speed, not its texts."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Any

import cv2
import numpy as np
import torch

from ocr.decoding import Hypothesis
from ocr.errors import ConfigError
from ocr.evaluation.engine import Machine, packages_of

SIDE = 384
"""Height and width to which the network scales a line."""


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
    with packages_of("trocr-small"):
        from transformers import (
            DeiTConfig,
            TrOCRConfig,
            VisionEncoderDecoderConfig,
            VisionEncoderDecoderModel,
        )
    try:
        steps, batch = int(steps), int(batch)
    except ValueError as error:
        raise ConfigError(f"trocr-small: steps={steps}, batch={batch}: expected numbers") from error
    # The sizes of the published checkpoint microsoft/trocr-small-handwritten.
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
    model = VisionEncoderDecoderModel(config=config).to(machine.device).eval()
    generation = model.generation_config
    generation.decoder_start_token_id = generation.eos_token_id = 2
    generation.pad_token_id = 1
    return UntrainedTrocr(model, machine.device, steps=steps, batch=batch)


def _input(image: np.ndarray) -> np.ndarray:
    """Scale a line, uint8 (h, w) or (h, w, 3), to the network's input (3, side, side)."""
    colors = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    return cv2.resize(colors, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
