"""Train a recogniser or a detector.

uv run train.py experiment=synth_pretrain
uv run train.py experiment=handwriting_finetune paths.data=DIR init_from=runs/synth_pretrain/bundle resume=auto
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import hydra
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ocr.errors import OcrError


def main(overrides: list[str]) -> int:
    """Compose the configuration, train, export the best weights as a bundle. Returns the exit code."""
    try:
        with hydra.initialize_config_dir(str(Path(__file__).parent.resolve() / "configs"), version_base="1.3"):
            train(hydra.compose("train", overrides))
    except OcrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OcrError) else error
        print(f"error: {str(cause).splitlines()[0]}", file=sys.stderr)
        return 2
    return 0


def train(config) -> None:
    """Run the training that `config` describes; the bundle is written to `run_dir`/bundle."""
    import torch

    from ocr.build import build
    from ocr.bundle import Bundle
    from ocr.training import run

    run.keep_freed_memory()
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    parts, part_configs = {}, {}
    for key, node in config.task.parts.items():
        parts[key] = build(OmegaConf.to_container(node, resolve=True))
        part_configs[key] = parts[key].config()
    OmegaConf.set_struct(config, False)
    config.vocabulary = {key: part.size for key, part in parts.items() if hasattr(part, "size")}
    model_config = OmegaConf.to_container(config.model, resolve=True)
    model = build(model_config)
    if config.init_from:
        run.start_from(model, config.init_from, part_configs)
    tokenizers = {key: part for key, part in parts.items() if key != "preprocess"}
    module = instantiate(
        config.task.module, model=model.to(memory_format=torch.channels_last), **tokenizers, **config.optim
    )
    data = instantiate(config.data)
    callbacks = [instantiate(node) for node in config.callbacks.values() if node]
    loggers = [instantiate(node) for node in config.logger.values() if node]
    trainer = instantiate(config.trainer, callbacks=callbacks, logger=loggers)
    Path(config.run_dir).mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, Path(config.run_dir) / "config.yaml")
    trainer.fit(module, data, ckpt_path=run.find_checkpoint(config.run_dir, config.resume), weights_only=False)
    facts = OmegaConf.to_container(config.task.bundle, resolve=True)
    bundle = Bundle(config.task.kind, config.bundle_name, module.model, model_config, part_configs, **facts)
    bundle.training_data = OmegaConf.to_container(config.training_data)
    best = next(callback for name, callback in zip(config.callbacks, callbacks) if name == "best")
    folder = run.export(bundle, Path(config.run_dir) / "bundle", checkpoint=best.best_model_path or None)
    logging.getLogger("ocr").warning("bundle written to %s", folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
