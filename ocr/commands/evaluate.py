"""Measure a bundle, or engines of others beside it, on labeled lines or pages.

examples:
    ocr evaluate bundle=NAME data=parquet data.path=lines.parquet report=report.json
    ocr evaluate bundle=NAME data=pages data.path=pages.jsonl data.split=test
    ocr evaluate 'engine=[ours,tesseract,rapidocr]' bundle=NAME data=parquet data.path=lines.parquet

The table goes to standard output. Exit status: 0, or 2 if nothing could be measured. The options, with their
defaults:
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from hydra.errors import HydraException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ocr.commands.configs import CONFIGS
from ocr.commands.train import compose, near_names
from ocr.errors import ConfigError, OcrError, one_line


@runtime_checkable
class Indexed(Protocol):
    """Lines or pages by number, unlike the data modules of training."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> object: ...


def evaluate(config: DictConfig) -> dict:
    """Score what `config` describes, print a table, write the requested files; returns the report."""
    from ocr.evaluation import Settings, measure

    if not issubclass(get_class(config.data._target_), Indexed):
        raise ConfigError("this data is for training: data= takes parquet, folder, pages, iam ...")
    plain = OmegaConf.to_container(config, resolve=True)
    plain.pop("data")
    # A section is named after the engine whose options it holds.
    options = {key: plain.pop(key) for key, value in list(plain.items()) if isinstance(value, dict)}
    settings = Settings(**plain, options=options)
    return measure(instantiate(config.data), settings)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__ + "\n" + (CONFIGS / "evaluate.yaml").read_text(encoding="utf-8"), end="")
        return 0 if arguments else 2
    try:
        evaluate(compose("evaluate", arguments))
    except (OcrError, HydraException, OmegaConfBaseException) as error:
        print(f"error: {one_line(error)}{near_names(error, 'evaluate', arguments)}", file=sys.stderr)
        return 2
    return 0
