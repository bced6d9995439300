"""Options of `ocr evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ocr.errors import ConfigError
from ocr.evaluation.engine import OURS, engine_names
from ocr.inference.settings import DEFAULTS
from ocr.settings import BaseSettings, setting


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Options of an evaluation, explained in `configs/evaluate.yaml`; `options` are those of each engine, by name.

    Raises:
        ConfigError: an unknown engine, the same one twice, or a value out of range.
    """

    bundle: str | None = None
    engine: str | Sequence[str] = OURS
    detector: str = str(DEFAULTS.detector)
    report: str | None = None
    predictions: str | None = None
    worst: str | None = None
    worst_lines: int = setting(8, low=1)
    confusions: int = setting(15, low=0)
    normalize: bool = True
    kind: str | None = None
    decode: str | None = None
    limit: int | None = setting(None, low=1)
    batch_size: int = setting(DEFAULTS.batch_size, low=1)
    num_workers: int = setting(0, low=0)
    device: str = DEFAULTS.device
    threads: int | None = None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.engines
        for name in names:
            if name not in engine_names():
                raise ConfigError(f"engine={name}: unknown, choose from {', '.join(engine_names())}")
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"engine=[{','.join(names)}]: name each engine once")

    @property
    def engines(self) -> list[str]:
        """The names given by `engine`, one or several."""
        return [self.engine] if isinstance(self.engine, str) else list(self.engine)
