"""Positions of the words of a corrected line, by forced alignment of its characters with its picture."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from ocr.data.lines.decode import load_line
from ocr.decoding import Hypothesis, align
from ocr.decoding.alignment import character_spans, ctc_log_probs
from ocr.decoding.hypothesis import CharacterSpan
from ocr.demo.reading import CROP_HEIGHT
from ocr.demo.session import UploadPage
from ocr.errors import LabelError
from ocr.geometry import RectifiedLine, rectify_line
from ocr.inference.recognizer import LineReader
from ocr.inference.words import place_words
from ocr.text.normalize import normalize
from ocr.types import TextLine


def checked_line(sheet: UploadPage, number: int, text: str) -> TextLine:
    """Make a line of a page with the text that a person entered, its characters spread evenly over the line.

    The line and its words have confidence 1. `placed_line` finds the true positions, which takes longer.
    """
    line = sheet.line(number)
    sure = replace(line, text=text, confidence=1.0 if text else 0.0, words=[])
    if text == line.text:
        words = [replace(word, confidence=1.0) for word in line.words]
        return replace(sure, words=words)
    if not text:
        return sure
    page = sheet.result()
    size = (page.height, page.width)
    crop = _crop_map(size, line)
    edges = np.linspace(0, crop.image.shape[1], len(text) + 1)
    spans = [
        CharacterSpan(character, *ends, 1.0) for character, ends in zip(text, pairwise(edges), strict=True)
    ]
    return replace(sure, words=place_words(Hypothesis(text, 1.0, spans), line.polygon, crop, page_size=size))


def placed_line(reader: LineReader, picture: Path, line: TextLine, size: tuple[int, int]) -> TextLine:
    """Align a line of `checked_line` with the picture of it in a file; `size` (height, width) is that of the page.

    There are no words where the text has characters unknown to the recognizer, or the recognizer has no CTC head;
    output formats then treat the line as a single word.

    Raises:
        ImageError, OSError: the picture of the line cannot be read, or no longer.
    """
    text = line.text
    if reader.ctc_tokenizer is None:
        return replace(line, words=[])
    crop = _crop_map(size, line)
    pixels = load_line(picture, name=picture.name)
    try:
        placed = place_words(_spread(reader, pixels, normalize(text)), line.polygon, crop, page_size=size)
    except LabelError:
        return replace(line, words=[])
    written = text.split()
    if len(written) != len(placed):
        return replace(line, words=[])
    words = [replace(word, text=typed) for word, typed in zip(placed, written, strict=True)]
    return replace(line, words=words)


def _crop_map(size: tuple[int, int], line: TextLine) -> RectifiedLine:
    """Return a line's crop from a page of `size` without its pixels, which the map to the page does not depend on."""
    pixels = np.broadcast_to(np.uint8(0), size)
    return rectify_line(pixels, line.polygon, line.baseline, height=CROP_HEIGHT)


@torch.inference_mode()
def _spread(reader: LineReader, picture: np.ndarray, text: str) -> Hypothesis:
    """Align a text with the picture (h, w) or (h, w, 3) of its line. Raises LabelError for unknown characters."""
    tokenizer, preprocess = reader.ctc_tokenizer, reader.preprocess
    ids = tokenizer.encode(text)
    encoded = reader.bundle.model.encode(preprocess.batch([preprocess(picture)]).to(reader.device))
    log_probs = ctc_log_probs(reader.bundle.model, encoded)[0]
    spans = character_spans(ids, align(log_probs, ids), log_probs, tokenizer=tokenizer, stride=encoded.stride)
    height, width = picture.shape[:2]
    scale = width / preprocess.columns(height, width)
    return Hypothesis(
        text,
        1.0,
        [
            replace(
                span, start=min(span.start * scale, width), end=min(span.end * scale, width), confidence=1.0
            )
            for span in spans
        ],
    )
