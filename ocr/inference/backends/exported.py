"""Networks of a bundle that were exported, with the interface of those of PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ocr.inference.backends.export import DETECTOR, ENCODER
from ocr.inference.backends.sessions import Session, open_session
from ocr.models.detector import Detector, DetectorOutput, pad_pixels
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.types import ImageBatch


@dataclass
class ScoredLines(Encoded):
    """Features with the scores of the CTC head, (b, t, v) or None, which are computed with them."""

    logits: torch.Tensor | None = None


class ExportedRecognizer:
    """Recognizer whose encoder and CTC head are run by a session; the decoder stays with PyTorch.

    The decoder scores a few candidates per line, in one pass of varying length.
    """

    def __init__(self, session: Session, model: Recognizer) -> None:
        self.session = session
        self.stride = model.encoder.patch_embed.stride
        self.ctc_head, self.decoder = model.ctc_head, model.decoder

    def encode(self, images: ImageBatch) -> ScoredLines:
        """Encode a batch; see `Recognizer.encode`."""
        found = self.session({"pixels": images.pixels.numpy(), "widths": images.widths.numpy()})
        tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in found.items()}
        return ScoredLines(
            tensors["features"],
            tensors["lengths"],
            tensors["mask"],
            self.stride,
            logits=tensors.get("logits"),
        )

    def ctc_logits(self, encoded: ScoredLines) -> torch.Tensor:
        """Return the scores of the CTC head; see `Recognizer.ctc_logits`."""
        return encoded.logits


class ExportedDetector:
    """Detector that is run by a session."""

    def __init__(self, session: Session, model: Detector) -> None:
        self.session = session
        self.stride, self.multiple, self.refiner = model.stride, model.backbone.multiple, model.refiner

    def __call__(self, pixels: torch.Tensor) -> DetectorOutput:
        """Compute the maps of pixels (b, 3, h, w); see `Detector.forward`."""
        height, width = pixels.shape[-2:]
        padded = pad_pixels(pixels, self.multiple, min_rows=2).numpy()
        rows, columns = -(-height // self.stride), -(-width // self.stride)
        found = {
            name: torch.from_numpy(np.array(value[..., :rows, :columns]))
            for name, value in self.session({"pixels": np.ascontiguousarray(padded)}).items()
        }
        return DetectorOutput(**found)


def exported_recognizer(
    model: Recognizer, folder: Path, *, backend: str, fingerprint: str
) -> ExportedRecognizer:
    """Load the exported encoder of a bundle from its folder. Raises as `open_session`."""
    return ExportedRecognizer(open_session(folder / ENCODER, backend=backend, fingerprint=fingerprint), model)


def exported_detector(model: Detector, folder: Path, *, backend: str, fingerprint: str) -> ExportedDetector:
    """Load the exported detector of a bundle from its folder. Raises as `open_session`."""
    return ExportedDetector(open_session(folder / DETECTOR, backend=backend, fingerprint=fingerprint), model)
