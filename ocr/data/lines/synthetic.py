"""Synthetic lines as a source like any other."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ocr.data.lines.sources import EndlessLines
from ocr.types import LineSample


class Synthesizer(Protocol):
    """`ocr.synth.line.LineSynthesizer`, or anything that draws a line from a generator."""

    def sample(self, rng: np.random.Generator) -> object:
        """An object with `image` (uint8), `text`, and optionally `language`, `kind`, `polygon`."""
        ...


class SyntheticLines(EndlessLines):
    """Line i is drawn from `np.random.default_rng([seed, i])`, hence the same on any machine.

    Args:
        synthesizer: draws one line from a generator.
        length: number of lines seen as a finite source. seed: of the whole source.
    """

    def __init__(self, synthesizer: Synthesizer, *, length: int, seed: int, name: str = "synthetic") -> None:
        self.synthesizer = synthesizer
        self.length = length
        self.seed = seed
        self.name = name

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
            running_text=getattr(line, "running_text", True),
        )
