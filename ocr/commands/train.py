"""Train a recognizer or a detector.

examples:
    ocr train debug=overfit
    ocr train experiment=synth_pretrain
    ocr train experiment=adapt data.path=FILE_OR_FOLDER

A run writes to runs/NAME: bundle/ (the best model), checkpoints/, logs, pictures. The options, with their defaults:
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import hydra
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ocr.commands.configs import CONFIGS
from ocr.errors import OcrError, one_line

plain = partial(OmegaConf.to_container, resolve=True)


def assemble(config: DictConfig) -> tuple:
    """Build the trainer, the module and the data that `config` describes. Raises OcrError where it cannot work."""
    from ocr.training import run
    from ocr.training.callbacks import BundleExport

    run.check_paths(OmegaConf.to_yaml(config.data), OmegaConf.missing_keys(config.paths))
    run.prepare(threads=config.threads, seed=config.seed)
    task = config.task
    for key, value in run.inherited(config.init_from, kind=task.kind, inherit=config.inherit).items():
        OmegaConf.update(config, key, value, merge=False)
    parts, tokenizers, sizes = run.build_parts(plain(task.parts))
    OmegaConf.update(config, "vocabulary", sizes, force_add=True)
    facts = {"init_from": config.init_from, "training_data": plain(config.training_data)}
    bundle = run.new_bundle(task.kind, config.bundle_name, plain(config.model), parts, **facts)
    bundle.decoding = plain(task.decoding)
    module = instantiate(task.module, model=run.trainable(bundle.model), **tokenizers, **config.optim)
    callbacks = [instantiate(node) for node in config.callbacks.values() if node]
    callbacks.append(BundleExport(bundle, f"{config.run_dir}/bundle", monitor=task.monitor, mode=task.mode))
    logger = [instantiate(node) for node in config.logger.values() if node]
    return instantiate(config.trainer, callbacks=callbacks, logger=logger), module, instantiate(config.data)


def train(config: DictConfig) -> None:
    """Run the training that `config` describes. Raises OcrError where it cannot work."""
    from ocr.training import run

    trainer, module, data = assemble(config)
    checkpoint = run.find_checkpoint(config.run_dir, config.resume, module=module)
    folder = run.run_folder(config.run_dir)
    if trainer.is_global_zero:
        OmegaConf.save(config, folder / "config.yaml")
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=False)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 2 where the configuration cannot work."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__ + "\n" + (CONFIGS / "train.yaml").read_text(encoding="utf-8"), end="")
        return 0
    try:
        if any(argument.startswith("-") for argument in arguments):
            # Hydra reads options such as --multirun from there.
            sys.argv[1:] = arguments
            hydra.main(config_path=str(CONFIGS), config_name="train", version_base="1.3")(train)()
        else:
            with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
                train(hydra.compose("train", list(arguments)))
    except (OcrError, HydraException, OmegaConfBaseException) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    return 0
