"""Train a recogniser or a detector.

    uv run train.py experiment=synth_pretrain
    uv run train.py experiment=adapt data.path=FILE_OR_FOLDER
    uv run train.py --multirun optim.optimizer.lr=1e-3,2e-3 'name=lr_${optim.optimizer.lr}'

A run leaves all in runs/NAME: bundle/ (the best model), checkpoints/, logs, pictures. The options of train.yaml:
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import hydra
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ocr.errors import ConfigError, OcrError, one_line

CONFIGS = Path(__file__).resolve().parent / "configs"
plain = partial(OmegaConf.to_container, resolve=True)


def assemble(config: DictConfig) -> tuple:
    """The trainer, the module and the data that `config` describes. Raises OcrError where it cannot work."""
    from ocr.training import run
    from ocr.training.callbacks import BundleExport

    for name in config.paths:
        if OmegaConf.is_missing(config.paths, name) and f"${{paths.{name}}}" in OmegaConf.to_yaml(config.data):
            raise ConfigError(f"this data is not part of the project: say where it is with paths.{name}=PATH")
    run.prepare(threads=config.threads, seed=config.seed)
    task = config.task
    if config.inherit:
        for key, value in run.inherited(config.init_from, kind=task.kind).items():
            OmegaConf.update(config, key, value, merge=False)
    parts = run.build_parts(plain(task.parts))
    tokenizers = {key: part for key, part in parts.items() if "tokenizer" in key}
    with open_dict(config):
        config.vocabulary = {key: part.size for key, part in tokenizers.items()}
    facts = {"training_data": plain(config.training_data), "decoding": plain(task.decoding)}
    facts["init_from"] = config.init_from
    bundle = run.new_bundle(task.kind, config.bundle_name, plain(config.model), parts, **facts)
    module = instantiate(task.module, model=run.trainable(bundle.model), **tokenizers, **config.optim)
    callbacks = [instantiate(node) for node in config.callbacks.values() if node]
    callbacks.append(BundleExport(bundle, f"{config.run_dir}/bundle", monitor=task.monitor, mode=task.mode))
    logger = [instantiate(node) for node in config.logger.values() if node]
    return instantiate(config.trainer, callbacks=callbacks, logger=logger), module, instantiate(config.data)


def train(config: DictConfig) -> None:
    """Run the training that `config` describes. Raises OcrError where it cannot work."""
    from ocr.training.run import find_checkpoint, run_folder

    trainer, module, data = assemble(config)
    checkpoint = find_checkpoint(config.run_dir, config.resume, module=module)
    OmegaConf.save(config, run_folder(config.run_dir) / "config.yaml")
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 2 where the configuration cannot work."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & set(arguments):
        print(__doc__ + "\n" + (CONFIGS / "train.yaml").read_text(encoding="utf-8"), end="")
        return 0
    try:
        if any(argument.startswith("-") for argument in arguments):
            hydra.main(config_path=str(CONFIGS), config_name="train", version_base="1.3")(train)()
        else:
            with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
                config = hydra.compose("train", list(arguments))
            train(config)
    except (OcrError, HydraException, OmegaConfBaseException) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
