"""Train a recognizer or a detector.

examples:
    ocr train debug=overfit
    ocr train experiment=synth_pretrain
    ocr train experiment=adapt data.path=FILE_OR_FOLDER

A run writes to runs/NAME: bundle/ (the best model), checkpoints/, logs, pictures. The options, with their defaults:
"""

from __future__ import annotations

import difflib
import errno
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ocr.commands.configs import CONFIGS, literal
from ocr.errors import ConfigError, OcrError, one_line

if TYPE_CHECKING:
    from lightning import LightningDataModule, LightningModule, Trainer

    from ocr.bundle import Bundle
    from ocr.text.tokenizer import Tokenizer
    from ocr.training.start import Start

plain = partial(OmegaConf.to_container, resolve=True)


def assemble(config: DictConfig) -> tuple[Trainer, LightningModule, LightningDataModule]:
    """Build the trainer, the module and the data that `config` describes. Raises OcrError where it cannot work."""
    from ocr.training.process import prepare_process

    start = read_start(config.init_from)
    tokenizers = complete(config, start)
    # The configuration is settled from here on: everything is built from it once.
    prepare_process(threads=config.threads, seed=config.seed)
    bundle = build_bundle(config, tokenizers, start)
    module = build_module(config, tokenizers, bundle)
    return build_trainer(config, bundle), module, instantiate(config.data)


def read_start(init_from: str | None) -> Start | None:
    """Read what training starts from: a bundle, or with `timm:NAME` a ViT or DeiT that timm knows by this name.

    Raises:
        BundleError: there is no such bundle. WeightsError: there are no such weights.
    """
    from ocr.bundle import Bundle
    from ocr.training.start import Start

    if init_from is None:
        return None
    scheme, colon, name = str(init_from).partition(":")
    if (scheme, colon) == ("timm", ":"):
        from ocr.convert.deit import convert_timm

        return Start(convert_timm(name), init_from)
    return Start(Bundle.load(str(init_from)), str(init_from))


def complete(config: DictConfig, start: Start | None) -> dict[str, Tokenizer]:
    """Settle, in place, what `config` leaves to its start and its tokenizers; returns the tokenizers by name.

    Raises:
        ConfigError: a folder that the data needs is not given, or there is nothing to inherit from.
        BundleError: the start is of another kind, or a tokenizer cannot be built.
    """
    from ocr.bundle.registry import build_parts
    from ocr.training.start import inherited_settings

    leave_out_unused(config.data)
    check_paths(config)
    task = config.task
    if config.inherit:
        for key, value in inherited_settings(start, kind=task.kind, tokenizers=task.tokenizers).items():
            OmegaConf.update(config, key, literal(value), merge=False)
    tokenizers = build_parts(plain(config.task.tokenizers), at="task.tokenizers")
    sizes = {name: tokenizer.size for name, tokenizer in tokenizers.items()}
    OmegaConf.update(config, "vocabulary", sizes, force_add=True)
    return tokenizers


def leave_out_unused(data: DictConfig) -> None:
    """Take the sources of weight 0 or null out of the training mixture, so that their files need not exist."""
    sources = OmegaConf.select(data, "train.sources", default={})
    weights = OmegaConf.select(data, "train.weights", default={})
    for name, weight in weights.items():
        if name in sources and not weight:
            sources[name] = None


def check_paths(config: DictConfig) -> None:
    """Raise ConfigError where the data refers to a folder that was not given."""
    data = OmegaConf.to_yaml(config.data)
    for key in sorted(OmegaConf.missing_keys(config.paths)):
        if f"${{{key}}}" in data:
            raise ConfigError(f"this data is not part of the project: say where it is with {key}=PATH")


def build_bundle(config: DictConfig, tokenizers: Mapping[str, Tokenizer], start: Start | None) -> Bundle:
    """Build the bundle that the run fills, with the weights that training starts from."""
    from ocr.bundle.registry import build_parts
    from ocr.training.start import new_bundle

    bundle = new_bundle(
        config.task.kind,
        config.bundle_name,
        plain(config.model),
        parts=build_parts(plain(config.task.parts), at="task.parts"),
        tokenizers=tokenizers,
        start=start,
        training_data=plain(config.training_data),
    )
    bundle.decoding = plain(config.task.decoding)
    return bundle


def build_module(config: DictConfig, tokenizers: Mapping[str, Tokenizer], bundle: Bundle) -> LightningModule:
    """Build the training loop around a copy of the bundle's model."""
    from ocr.training.start import trainable

    return instantiate(config.task.module, model=trainable(bundle.model), **tokenizers, **config.optim)


def build_trainer(config: DictConfig, bundle: Bundle) -> Trainer:
    """Build the trainer with its callbacks, which write `bundle` among others, and its loggers."""
    from lightning.pytorch.callbacks import ProgressBar

    from ocr.training.callbacks import BundleExport

    callbacks = [instantiate(node) for node in config.callbacks.values() if node]
    export = BundleExport(
        bundle, f"{config.run_dir}/bundle", monitor=config.task.monitor, mode=config.task.mode
    )
    logger = [instantiate(node) for node in config.logger.values() if node]
    # Without one of the configuration, Lightning would add a bar of its own, which counts epochs up to -2.
    bar = {"enable_progress_bar": any(isinstance(callback, ProgressBar) for callback in callbacks)}
    return instantiate(config.trainer, **bar, callbacks=[*callbacks, export], logger=logger)


def train(config: DictConfig) -> None:
    """Run the training that `config` describes. Raises OcrError where it cannot work."""
    from ocr.training.checkpoint import check_free, find_checkpoint, locked, make_run_folder

    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        config.run_dir = f"{config.run_dir}/{HydraConfig.get().job.num}"
    trainer, module, data = assemble(config)
    checkpoint = find_checkpoint(config.run_dir, config.resume, module=module)
    folder = make_run_folder(config.run_dir)
    if not trainer.is_global_zero:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=False)
        return
    with locked(folder):
        check_free(folder, resumes=checkpoint is not None, overwrite=config.overwrite)
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
            train(compose("train", arguments))
    except (OcrError, HydraException, OmegaConfBaseException) as error:
        print(f"error: {one_line(error)}{near_names(error, 'train', arguments)}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"error: {error.filename or 'run_dir'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        # Before the first step; from there on, the checkpoint callback ends the process.
        return 128 + signal.SIGINT
    return 0


def compose(name: str, overrides: Sequence[str]) -> DictConfig:
    """Compose a configuration, such as `train`, with overrides of the command line.

    Raises:
        HydraException, OmegaConfBaseException: an override cannot be applied. ConfigError: it has a number where the
            name of a file is expected, or a number of more digits than Python reads.
    """
    try:
        with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
            return hydra.compose(name, list(overrides))
    except ValueError as error:
        raise ConfigError(one_line(error)) from error


def near_names(error: BaseException, config: str, arguments: Sequence[str]) -> str:
    """Suggest the keys that an override may have meant which Hydra does not know; empty for any other error.

    Args:
        config: name of the configuration, such as `train`. arguments: the overrides, of which those that choose a
            file of a group are applied before the keys are listed.
    """
    found = re.search(r"Could not override '([^']+)'", str(error))
    if found is None:
        return ""
    groups = [
        text for text in arguments if (CONFIGS / text.lstrip("+~").split("=")[0]).is_dir() and "=" in text
    ]
    GlobalHydra.instance().clear()
    keys = list(_keys(OmegaConf.to_container(compose(config, groups))))
    wanted = found[1]
    # Right at the end, but in another place: `lr` for `optim.optimizer.lr`.
    moved = [key for key in keys if key.endswith("." + wanted.rsplit(".", 1)[-1])]
    close = [*moved[:2], *difflib.get_close_matches(wanted, keys, n=3, cutoff=0.75)]
    names = list(dict.fromkeys(close))[:3]
    return f" (did you mean {' or '.join(names)}?)" if names else ""


def _keys(config: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all values."""
    for key, value in config.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
