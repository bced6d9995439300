"""Read line images with a recognizer bundle."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import torch

from ocr.bundle import Bundle
from ocr.decoding import WITH_DECODER, WITHOUT_CTC, Hypothesis, get_decoder, strategy_name
from ocr.decoding.alignment import ctc_log_probs
from ocr.decoding.calibration import Calibration
from ocr.decoding.script import ScriptTest, script_features
from ocr.errors import ConfigError
from ocr.image.protocol import Preprocessor
from ocr.inference.backends import recognizer_network
from ocr.inference.device import half_precision
from ocr.inference.long_lines import cut_line, join_readings
from ocr.inference.settings import DEFAULTS
from ocr.models.vit import Encoded
from ocr.types import ImageBatch

MIN_HEIGHT = 8
"""Pixels; lines lower than this are read in one piece, squeezed if need be."""


class LineReader:
    """Turns line images into text.

    The bundle's `decoding` says how: `strategy`, and for each strategy its `options` and the `calibration` of its
    confidences.

    Args:
        bundle: a recognizer. device: torch device. decode: strategy name, default the bundle's own.
        batch_size: lines a batch; lines are sorted by width first, so that little is padding.
        backend: `torch`, `onnx` or `openvino`, see `ocr.inference.backends`.
    Raises:
        ConfigError: an unknown strategy, one that needs a head which the model lacks, or not a recognizer.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        device: torch.device | str = "cpu",
        decode: str | None = None,
        batch_size: int = DEFAULTS.batch_size,
        backend: str = DEFAULTS.backend,
    ) -> None:
        if bundle.kind != "recognizer":
            raise ConfigError(f"bundle {bundle.name!r} is of kind {bundle.kind}, not recognizer")
        _check_parts(bundle)
        self.bundle = bundle.to(device)
        self.device = torch.device(device)
        self.preprocess: Preprocessor = bundle.parts["preprocess"]
        self.ctc_tokenizer = bundle.parts.get("ctc_tokenizer")
        self.tokenizer = bundle.parts.get("tokenizer")
        self.decode = strategy_name(decode or bundle.decoding.get("strategy", "ctc"))
        self.strategy = get_decoder(
            self.decode, ngram=bundle.parts.get("ngram"), options=bundle.decoding.get("options")
        )
        self.calibration = Calibration.from_config(
            bundle.decoding.get("calibration", {}).get(self.decode, {})
        )
        script = bundle.decoding.get("script")
        self.script = None if script is None else ScriptTest.from_config(script)
        self.ngram = bundle.parts.get("ngram")
        if self.decode in WITH_DECODER and bundle.model.decoder is None:
            raise ConfigError(
                f"decode={self.decode}: {bundle.name} has no autoregressive decoder, use decode=ctc"
            )
        if bundle.model.ctc_head is None and self.decode not in WITHOUT_CTC:
            raise ConfigError(
                f"decode={self.decode}: {bundle.name} has no CTC head, use decode={' or '.join(WITHOUT_CTC)}"
            )
        self.model = recognizer_network(bundle, self.device, backend)
        self.batch_size = batch_size

    def read(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """images: uint8 line crops, (h, w) or (h, w, 3), any height and width. Returns one reading each, in order.

        A line longer than the model takes is read in pieces, see `ocr.inference.long_lines`. Character spans are
        in pixel columns of the given crop. Raises ImageError for a crop without pixels.
        """
        pieces = [cut_line(image, self._max_width(image)) for image in images]
        parts = [
            image[:, piece.start : piece.end]
            for image, cut in zip(images, pieces, strict=True)
            for piece in cut
        ]
        readings = iter(self._read_parts(parts))
        hypotheses = []
        for cut in pieces:
            found = [next(readings) for _ in cut]
            for reading, piece in zip(found, cut, strict=True):
                for span in reading.characters:
                    span.start, span.end = span.start + piece.start, span.end + piece.start
            hypotheses.append(found[0] if len(cut) == 1 else join_readings(found, cut))
        return [self.calibration(hypothesis) for hypothesis in hypotheses]

    def read_batch(self, batch: ImageBatch) -> list[Hypothesis]:
        """Read an already preprocessed batch; spans are in its pixel columns."""
        return [self.calibration(hypothesis) for hypothesis in self._decode(batch)]

    def _max_width(self, image: np.ndarray) -> int:
        """Return the columns of a crop that are read at once; wider crops would be squeezed."""
        # Lines of a few pixels cannot be read, and characters spread evenly (without a CTC head) cannot be cut.
        if self.ctc_tokenizer is None or image.ndim < 2 or image.shape[0] < MIN_HEIGHT:
            return sys.maxsize
        width = self.preprocess.max_crop_width(image.shape[0])
        return sys.maxsize if width is None else width

    def _read_parts(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Readings of crops before calibration, in order; spans in pixel columns of the crops."""
        lines = [self.preprocess(image) for image in images]
        hypotheses: list[Hypothesis | None] = [None] * len(lines)
        order = sorted(range(len(lines)), key=lambda i: lines[i].shape[1])
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            batch = self.preprocess.batch([lines[i] for i in rows])
            for i, hypothesis in zip(rows, self._decode(batch), strict=True):
                height, width = images[i].shape[:2]
                scale = width / self.preprocess.columns(height, width)
                for span in hypothesis.characters:
                    span.start, span.end = min(span.start * scale, width), min(span.end * scale, width)
                hypotheses[i] = hypothesis
        return hypotheses

    @torch.inference_mode()
    def _decode(self, batch: ImageBatch) -> list[Hypothesis]:
        with half_precision(self.device):
            images = batch.to(self.device)
            encoded = self.model.encode(images)
            hypotheses = self.strategy(self.model, encoded, self.ctc_tokenizer, self.tokenizer, images)
            if self.script is not None and self.ctc_tokenizer is not None:
                self._score_script(hypotheses, encoded)
            return hypotheses

    def _score_script(self, hypotheses: Sequence[Hypothesis], encoded: Encoded) -> None:
        """Set the log-odds of a script that the recognizer does not know."""
        rows = ctc_log_probs(self.model, encoded)
        features = np.stack([script_features(row, self.ctc_tokenizer, self.ngram) for row in rows])
        for hypothesis, score in zip(hypotheses, self.script(features).tolist(), strict=True):
            hypothesis.script_score = score


def _check_parts(bundle: Bundle) -> None:
    """Raise ConfigError where a recognizer lacks its preprocessing, or the tokenizer of one of its heads."""
    heads = {"ctc_tokenizer": bundle.model.ctc_head, "tokenizer": bundle.model.decoder}
    needed = ["preprocess", *(name for name, head in heads.items() if head is not None)]
    if missing := [name for name in needed if name not in bundle.parts]:
        raise ConfigError(f"bundle {bundle.name!r}: lacks {', '.join(missing)} among its parts")
