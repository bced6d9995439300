"""Synthetic pages as a source like any other."""

from __future__ import annotations

import numpy as np

from ocr.data.pages.sources import AnnotatedPage
from ocr.synth.page import PageSynthesizer
from ocr.types import Page


class SyntheticPages:
    """Endless synthetic pages with the outline of every character.

    Args:
        synthesizer: draws the pages. length: number of pages that count as one pass.
        seed: page i is drawn from `np.random.default_rng([seed, i])`.
    """

    endless = True

    def __init__(self, synthesizer: PageSynthesizer, *, length: int = 1_000_000, seed: int = 0) -> None:
        self.synthesizer = synthesizer
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[np.ndarray, Page]:
        annotated = self.annotated(index)
        return annotated.image, annotated.page

    def annotated(self, index: int) -> AnnotatedPage:
        """Draw page `index`; the characters of all its words are known."""
        sample = self.synthesizer.sample(np.random.default_rng([self.seed, index]))
        return AnnotatedPage(sample.image, sample.page, sample.character_polygons)
