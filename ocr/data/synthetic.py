"""Synthetic lines as a source like any other."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ocr.types import LineSample


class Synthesizer(Protocol):
    """`ocr.synth.line.LineSynthesizer`, or anything that draws a line from a generator."""

    def sample(self, rng: np.random.Generator) -> object:
        """An object with `image` (uint8), `text`, and optionally `language`, `kind`, `polygon`."""
        ...


class SyntheticLines:
    """Line i is drawn from `np.random.default_rng([seed, i])`, hence the same on any machine.

    There is no last line: `at(i)` takes any i >= 0; `length` is what `len` and validation go by.

    Args:
        synthesizer: draws one line from a generator.
        length: number of lines seen as a finite source. seed: of the whole source.
    """

    endless = True

    def __init__(self, synthesizer: Synthesizer, *, length: int, seed: int, name: str = "synthetic") -> None:
        self.synthesizer = synthesizer
        self.length = length
        self.seed = seed
        self.name = name

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> LineSample:
        if not 0 <= index < self.length:
            raise IndexError(f"{self.name}: index {index} of {self.length} lines")
        return self.at(index)

    def at(self, index: int) -> LineSample:
        """Line `index` of the endless sequence."""
        line = self.synthesizer.sample(np.random.default_rng([self.seed, index]))
        line_id = f"{self.name}-{self.seed}-{index}"
        return LineSample(
            image=line.image,
            text=line.text,
            id=line_id,
            document=line_id,
            source=self.name,
            language=getattr(line, "language", "") or "",
            kind=getattr(line, "kind", "") or "",
            polygon=getattr(line, "polygon", None),
        )

    def widths(self) -> np.ndarray:
        """All NaN: a line's width is not known before it is drawn."""
        return np.full(self.length, np.nan)
