"""Computational cost of the recognizers of configs/model: `python benchmarks/model_cost.py [--trocr]`.

A line of 48 x 900 pixels (64 x 1200 for `base`) and a text of 24 tokens; a multiplication and an addition are two
operations. Lines per second are those of one core by its processor time, which other processes disturb little:
`reads` is the encoder and the CTC head in float32, `learns` a training step in bf16; batches of 16.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch.utils.flop_counter import FlopCounterMode

from ocr.bundle.registry import build
from ocr.losses.recognition import ctc_loss
from ocr.models.recognizer import Recognizer
from ocr.types import ImageBatch

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
SIZES = {"tiny": "line48", "small": "line48", "base": "line64"}
TOKENS, BATCH = 24, 16


def make(size: str, preprocess: str) -> tuple[Recognizer, ImageBatch]:
    """Make a model with random weights, and a typical line for it."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", [f"model={size}", f"preprocess={preprocess}"])
    tokenizers = {"ctc_tokenizer": instantiate(config.tokenizer.ctc).size}
    tokenizers["tokenizer"] = instantiate(config.tokenizer.text).size
    OmegaConf.update(config, "vocabulary", tokenizers, force_add=True)
    height = config.preprocess.height
    width = 900 * height // 48
    line = ImageBatch(torch.rand(1, 1, height, width), torch.tensor([width]))
    return build(OmegaConf.to_container(config.model, resolve=True)).eval(), line


def operations(work: Callable[[], object]) -> float:
    """Count the billions of floating-point operations of a function."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Measure the processor time of the fastest of some calls, after one for warming up."""
    times = []
    for _ in range(repeats + 1):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times[1:])


def train_step(model: Recognizer, batch: ImageBatch) -> Callable[[], None]:
    """Run a training step on the CTC loss; the decoder, trained on a third of the lines, adds little."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    targets = [list(range(4, 44))] * len(batch)

    def work() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            encoded = model.encode(batch)
            loss = ctc_loss(model.ctc_logits(encoded), encoded.lengths, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return work


def cost(size: str, preprocess: str) -> str:
    """Make the row of a model in the table."""
    model, line = make(size, preprocess)
    tokens = torch.ones(1, TOKENS, dtype=torch.long)
    with torch.inference_mode():
        encoded = model.encode(line)
    encoder = operations(lambda: model.ctc_logits(model.encode(line)))
    decoder = operations(lambda: model.decoder(tokens, encoded.features, encoded.mask))
    batch = ImageBatch(line.pixels.repeat(BATCH, 1, 1, 1), line.widths.repeat(BATCH))
    with torch.inference_mode():
        reading = BATCH / seconds(lambda: model.ctc_logits(model.encode(batch)))
    training = BATCH / seconds(train_step(model.train(), batch))
    shape = " x ".join(map(str, line.pixels.shape[2:]))
    return f"| {size} | {shape} | {_rest(model, encoder, decoder)} | {reading:.2g} | {training:.2g} |"


def trocr_small() -> str:
    """Make the row of the architecture of microsoft/trocr-small (Li et al. 2021), in `transformers`."""
    from ocr.evaluation.engines.trocr import untrained_network

    model = untrained_network()
    pixels, tokens = torch.zeros(1, 3, 384, 384), torch.ones(1, TOKENS, dtype=torch.long)
    with torch.inference_mode():
        memory = model.encoder(pixels).last_hidden_state
    looks = operations(lambda: model.encoder(pixels))
    writes = operations(lambda: model.decoder(input_ids=tokens, encoder_hidden_states=memory))
    return f"| TrOCR-small | 384 x 384 | {_rest(model, looks, writes)} | | |"


def _rest(model: torch.nn.Module, encoder: float, decoder: float) -> str:
    weights = sum(weight.numel() for weight in model.parameters()) / 1e6
    return f"{weights:.1f} | {2 * weights:.0f} | {encoder:.1f} | {decoder:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trocr", action="store_true", help="TrOCR-small too; needs transformers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| model | line | million weights | fp16 MB | GFLOP encoder | GFLOP decoder | reads/s | learns/s |")
    print("|---|---|---|---|---|---|---|---|")
    for size, preprocess in SIZES.items():
        print(cost(size, preprocess), flush=True)
    if options.trocr:
        print(trocr_small())


if __name__ == "__main__":
    main()
