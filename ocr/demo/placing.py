"""Positions of the words of a corrected line, by forced alignment of its characters with its picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ocr.data.lines.decode import load_line
from ocr.decoding import Hypothesis, align
from ocr.decoding.alignment import character_spans, ctc_log_probs
from ocr.demo.reading import CROP_HEIGHT
from ocr.demo.session import UploadPage
from ocr.errors import LabelError
from ocr.geometry import rectify_line
from ocr.inference.recognizer import LineReader
from ocr.inference.words import place_words
from ocr.text.normalize import normalize
from ocr.types import TextLine


def checked_line(reader: LineReader, sheet: UploadPage, number: int, text: str) -> TextLine:
    """Make a line of a page with the text that a person entered, and its words with their positions.

    The line and its words have confidence 1. There are no words where the text has characters unknown to the
    recognizer, or the recognizer has no CTC head; output formats then treat the line as a single word.
    """
    line = sheet.line(number)
    sure = replace(line, text=text, confidence=1.0 if text else 0.0, words=[])
    if text == line.text:
        words = [replace(word, confidence=1.0) for word in line.words]
        return replace(sure, words=words)
    if not text or reader.ctc_tokenizer is None:
        return sure
    page = sheet.result()
    size = (page.height, page.width)
    # The pixels of the crop are read from its file; the map between crop and page depends on the outline alone.
    crop = rectify_line(np.broadcast_to(np.uint8(0), size), line.polygon, line.baseline, height=CROP_HEIGHT)
    picture = load_line(sheet.crop(number), name=f"line {number + 1}")
    try:
        placed = place_words(_spread(reader, picture, normalize(text)), line.polygon, crop, page_size=size)
    except LabelError:
        return sure
    written = text.split()
    if len(written) == len(placed):
        sure.words = [replace(word, text=typed) for word, typed in zip(placed, written, strict=True)]
    return sure


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
