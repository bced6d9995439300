"""Positions of the characters of pages, by forced alignment of the known text of their lines with a CTC head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ocr.bundle import Bundle
from ocr.decoding.alignment import character_edges
from ocr.decoding.hypothesis import CharacterSpan, Hypothesis
from ocr.geometry import rectify_line
from ocr.inference.align import align_lines
from ocr.inference.words import place_words
from ocr.types import Page, Polygon, TextLine


@dataclass
class AlignedLine:
    """A line with the quadrilaterals of the characters of each word in page pixels, and the fit of its text."""

    line: TextLine
    words: list[list[Polygon]]
    fit: float


def align_page(bundle: Bundle, image: np.ndarray, page: Page) -> list[AlignedLine]:
    """The lines of a page, uint8 (h, w, 3) RGB, whose text the recognizer's alphabet can express."""
    tokenizer = bundle.parts["ctc_tokenizer"]
    lines = [line for line in page.lines if line.text.strip() and not tokenizer.missing(line.text)]
    crops = [rectify_line(image, line.polygon, line.baseline) for line in lines]
    aligned = align_lines(bundle, [crop.image for crop in crops], [line.text for line in lines])
    result = []
    for line, crop, (edges, fit) in zip(lines, crops, aligned, strict=True):
        words = place_words(_hypothesis(line.text, edges), line.polygon, crop, page_size=image.shape[:2])
        quads = [[character.polygon for character in word.characters] for word in words]
        result.append(AlignedLine(line, quads, fit))
    return result


def _hypothesis(text: str, edges: Sequence[float]) -> Hypothesis:
    """The text as if it had been read: a character begins and ends halfway to its neighbors."""
    bounds = character_edges(list(zip(edges[::2], edges[1::2], strict=True)))
    spans = [
        CharacterSpan(character, left, right, 1.0)
        for character, left, right in zip(text, bounds, bounds[1:], strict=False)
    ]
    return Hypothesis(text, 1.0, spans)
