"""Lines per second of training the recognizer, and where the time of a step goes.

    python benchmarks/training_speed.py experiment=handwriting_finetune init_from=ocr_small_handwritten \
        paths.data=DATA paths.fonts=FONTS paths.corpus=CORPUS threads=1 --json speed.json

All arguments without dashes are options of `ocr train`; without any, the small model learns synthetic lines.

The same `--batches` are trained on in several rounds, the first of which warms up: kernels are built for each new
shape. Stages are summed over a round and divided by its steps; the medians over the rounds are printed and written:

    data            reading or drawing, preprocessing and batching of a step's lines, in this process
    augmentation, encoder, CTC head, decoder            forward passes
    losses          both losses, their targets, and what else a training step does
    backward, clipping, optimizer, average

`wall` is elapsed time, `cpu` the processor time of all threads, which other processes disturb less; lines per second
are given by both, of a step without its data. `end to end` then measures `--steps` steps of Lightning's loop with
its loader process and callbacks, but no validation, by elapsed time after `--skip` steps. Padding is the share of
columns of the augmented batches that no line fills.

The JSON file holds `versions`, `threads`, `device`, `stages` ({name: {wall, cpu}} in milliseconds per step),
`lines_per_second`, `lines_per_cpu_second`, `end_to_end`, `padding`, `columns_per_line` and `peak_memory_mb`.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import hydra
import lightning as L
import torch
from omegaconf import DictConfig
from torch import nn

from ocr.commands import train
from ocr.commands.configs import CONFIGS
from ocr.training.callbacks import AveragedWeights
from ocr.training.recognition import RecognitionModule
from ocr.types import ImageBatch, LineBatch


class Clock:
    """Elapsed and processor time of named stages, in seconds."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stages: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def now(self) -> tuple[float, float]:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter(), time.process_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a `with` block to a stage."""
        before = self.now()
        yield
        self._add(name, before)

    def watch(self, name: str, module: nn.Module) -> None:
        """Add the time of each forward pass of a module to a stage."""
        before = []
        module.register_forward_pre_hook(lambda *_: before.append(self.now()))
        module.register_forward_hook(lambda *_: self._add(name, before.pop()))

    def _add(self, name: str, before: tuple[float, float]) -> None:
        for index, (start, end) in enumerate(zip(before, self.now(), strict=True)):
            self.stages[name][index] += end - start


class Bench:
    """A training module outside of Lightning's loop, with the parts of a step that the loop would add."""

    def __init__(self, module: RecognitionModule, config: DictConfig, device: torch.device) -> None:
        self.module = module.to(device).train()
        self.clock = Clock(device)
        self.device = device
        self.bf16 = "bf16" in str(config.trainer.precision)
        self.clip = config.trainer.gradient_clip_val
        self.optimizer = module.make_optimizer(module.model)
        averaging = AveragedWeights(decay=config.callbacks.average.decay)
        self.average = torch.optim.swa_utils.AveragedModel(
            copy.deepcopy(module.model), use_buffers=True, **averaging._kwargs
        )
        module.log = lambda *_, **__: None
        self.columns = [0, 0]
        self.clock.watch("encoder", module.model.encoder)
        self.clock.watch("CTC head", module.model.ctc_head)
        if module.model.decoder is not None:
            self.clock.watch("decoder", module.model.decoder)
        if module.augment is not None:
            self.clock.watch("augmentation", module.augment)
            module.augment.register_forward_hook(self._count)

    def step(self, batch: LineBatch, index: int) -> None:
        """Train on one batch."""
        images = ImageBatch(batch.images.pixels.to(self.device), batch.images.widths.to(self.device))
        with self.clock.stage("forward"), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            loss = self.module.training_step(LineBatch(images, batch.samples), index)
        with self.clock.stage("backward"):
            loss.backward()
        with self.clock.stage("clipping"):
            if self.clip:
                nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
        with self.clock.stage("optimizer"):
            self.optimizer.step()
            self.optimizer.zero_grad()
        with self.clock.stage("average"):
            self.average.update_parameters(self.module.model)

    def round(self, batches: list[LineBatch]) -> dict[str, list[float]]:
        """Train on all batches; returns the seconds per step of each stage, elapsed and of the processor."""
        self.clock.stages.clear()
        for index, batch in enumerate(batches):
            self.step(batch, index)
        stages = {name: [each / len(batches) for each in times] for name, times in self.clock.stages.items()}
        whole = stages.pop("forward")
        inside = [
            stages[name] for name in ("augmentation", "encoder", "CTC head", "decoder") if name in stages
        ]
        stages["losses"] = [whole[i] - sum(times[i] for times in inside) for i in range(2)]
        return stages

    def _count(self, module: nn.Module, inputs: tuple, images: ImageBatch) -> None:
        self.columns[0] += int(images.widths.sum())
        self.columns[1] += images.pixels.shape[0] * images.pixels.shape[-1]


class Stopwatch(L.Callback):
    """Measures the elapsed time of all steps but the first."""

    def __init__(self, skip: int) -> None:
        self.skip = skip
        self.lines, self.seconds, self._start = 0, 0.0, 0.0

    def on_train_batch_end(self, trainer, pl_module, outputs, batch: LineBatch, batch_idx: int) -> None:
        if trainer.global_step > self.skip:
            self.lines += len(batch.samples)
            self.seconds = time.perf_counter() - self._start
        else:
            self._start = time.perf_counter()


def compose(overrides: list[str]) -> DictConfig:
    with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return hydra.compose("train", overrides)


def stages(options: argparse.Namespace) -> dict:
    """Measure the stages of a step."""
    config = compose([*options.overrides, "data.num_workers=0"])
    _, module, data = train.assemble(config)
    bench = Bench(module, config, torch.device(options.device))
    stream = iter(data.train_dataloader())
    with bench.clock.stage("data"):
        batches = [next(stream) for _ in range(options.batches)]
    drawing = [each / len(batches) for each in bench.clock.stages["data"]]
    rounds = [bench.round(batches) for _ in range(options.rounds + 1)][1:]
    lines = sum(len(batch.samples) for batch in batches) / len(batches)
    milliseconds: dict[str, dict[str, float]] = {"data": _row(drawing)}
    for name in ("augmentation", "encoder", "CTC head", "decoder", "losses", *rounds[0]):
        if name in rounds[0] and name not in milliseconds:
            milliseconds[name] = _row([median(each[name][i] for each in rounds) for i in range(2)])
    wall, cpu = (
        lines / median(sum(times[i] for times in each.values()) for each in rounds) for i in range(2)
    )
    real, spent = bench.columns
    return {
        "stages": milliseconds,
        "lines_per_second": round(wall, 1),
        "lines_per_cpu_second": round(cpu, 1),
        "padding": round(1 - real / spent, 3) if spent else None,
        "columns_per_line": round(spent / (lines * options.batches * (options.rounds + 1)))
        if spent
        else None,
    }


def _row(seconds: list[float]) -> dict[str, float]:
    return {"wall": round(1e3 * seconds[0], 1), "cpu": round(1e3 * seconds[1], 1)}


def end_to_end(options: argparse.Namespace) -> float:
    """Measure the lines per second of Lightning's loop."""
    with tempfile.TemporaryDirectory() as folder:
        quiet = [f"run_dir={folder}", f"trainer.max_steps={options.skip + options.steps}", "logger={}"]
        quiet += ["trainer.limit_val_batches=0", "trainer.num_sanity_val_steps=0"]
        quiet += ["callbacks.learning_rate=null", "callbacks.early_stopping=null"]
        trainer, module, data = train.assemble(compose([*options.overrides, *quiet]))
        stopwatch = Stopwatch(options.skip)
        trainer.callbacks.append(stopwatch)
        trainer.fit(module, data)
    return round(stopwatch.lines / stopwatch.seconds, 1)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", help="options of ocr train")
    parser.add_argument("--batches", type=int, default=16, help="batches of a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the first")
    parser.add_argument("--steps", type=int, default=60, help="steps end to end; 0 leaves them out")
    parser.add_argument("--skip", type=int, default=20, help="steps before those")
    parser.add_argument("--device", default="cpu", help="of the stages: cpu or cuda")
    parser.add_argument("--json", type=Path, help="file to write")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    result: dict = {"versions": {"torch": torch.__version__, "python": platform.python_version()}}
    result |= stages(options)
    result["threads"], result["device"] = torch.get_num_threads(), options.device
    if options.steps:
        result["end_to_end"] = end_to_end(options)
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    for name, times in result["stages"].items():
        print(f"{name:14}{times['wall']:9.1f} ms wall{times['cpu']:9.1f} ms cpu")
    for name, value in result.items():
        if name not in ("stages", "versions"):
            print(f"{name}: {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
