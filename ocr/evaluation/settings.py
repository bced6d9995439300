"""Options of `ocr evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ocr.errors import ConfigError
from ocr.evaluation.engine import OURS, engine_names


@dataclass(frozen=True)
class Settings:
    """Options of an evaluation, explained in `configs/evaluate.yaml`; `options` are those of each engine, by name.

    Raises:
        ConfigError: an unknown engine, the same one twice, or a batch of no lines.
    """

    bundle: str | None = None
    engine: str | Sequence[str] = OURS
    detector: str = ""
    report: str | None = None
    predictions: str | None = None
    worst: str | None = None
    worst_lines: int = 8
    confusions: int = 15
    normalize: bool = True
    kind: str | None = None
    decode: str | None = None
    limit: int | None = None
    batch_size: int = 16
    num_workers: int = 0
    device: str = "auto"
    threads: int | None = None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("batch_size", "worst_lines"):
            if getattr(self, key) < 1:
                raise ConfigError(f"{key} must be at least 1, got {getattr(self, key)}")
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
