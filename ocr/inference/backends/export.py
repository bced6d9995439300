"""Export of the networks of a bundle to ONNX, for ONNX Runtime, OpenVINO and other programs.

A recognizer gives `encoder.onnx` and, if it has a decoder, `decoder.onnx`, one step of it with its cache; a detector
gives `detector.onnx`. Batch norm is folded, and all sizes but those of the network itself are free.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ocr.bundle import Bundle
from ocr.errors import ConfigError
from ocr.models.decoder import CachedDecoder, DecoderCache
from ocr.models.detector import Detector
from ocr.models.recognizer import Recognizer
from ocr.nn.fold import fold_batch_norms

ENCODER, DECODER, DETECTOR = "encoder.onnx", "decoder.onnx", "detector.onnx"

FINGERPRINT = "ocr.weights"
"""Key, in the metadata of an exported file, of the checksum of the weights that it was made from."""

OPSET = 18


class EncoderGraph(nn.Module):
    """Encoder and CTC head of a recognizer: (pixels, widths) -> (features, lengths, mask[, logits])."""

    def __init__(self, model: Recognizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor, widths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """pixels: (b, c, h, w); widths: (b,) int64. Returns (b, t, d), (b,), (b, t) bool and (b, t, v)."""
        encoded = self.model.encoder(pixels, widths)
        logits = () if self.model.ctc_head is None else (self.model.ctc_logits(encoded),)
        return encoded.features, encoded.lengths, encoded.mask, *logits


class StepGraph(nn.Module):
    """One step of a decoder: (tokens, place, mask, *cross, *past) -> (logits, *past).

    `cross` and `past` are the keys and values of all layers in turn: of the image, and of the text so far.
    """

    def __init__(self, decoder: CachedDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, tokens: torch.Tensor, mask: torch.Tensor, cross: list[torch.Tensor], past: list[torch.Tensor]
    ) -> tuple[torch.Tensor, ...]:
        """tokens: (b,) int64; mask: (b, t) bool; cross: (b, heads, t, d / heads) each; past: the same with the
        number of tokens so far. Returns logits (b, v) and the grown past."""
        cache = DecoderCache(
            cross=list(zip(cross[::2], cross[1::2], strict=True)),
            mask=mask[:, None, None, :],
            self_=list(zip(past[::2], past[1::2], strict=True)),
            length=past[0].shape[2],
        )
        logits = self.decoder.step(tokens, cache)
        return logits, *(tensor for pair in cache.self_ for tensor in pair)


class DetectorGraph(nn.Module):
    """Detector: pixels -> (region, affinity[, line[, extent]])."""

    def __init__(self, model: Detector) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """pixels: (b, 3, h, w), sides multiples of the backbone's. Returns maps; see `DetectorOutput`."""
        return tuple(value for value in vars(self.model(pixels)).values() if value is not None)


@torch.no_grad()
def export_bundle(bundle: Bundle, folder: Path, *, fingerprint: str) -> list[Path]:
    """Write the networks of a bundle to ONNX files in a folder, and return their paths.

    Args:
        fingerprint: checksum of the weights, stored in the files so that others are not mistaken for them.
    Raises:
        ConfigError: a package that the export needs is missing.
    """
    model = fold_batch_norms(copy.deepcopy(bundle.model).eval())
    if isinstance(model, Detector):
        return [_export_detector(model, folder / DETECTOR, fingerprint)]
    paths = [_export_encoder(model, bundle, folder / ENCODER, fingerprint)]
    if model.decoder is not None:
        paths.append(_export_step(model.decoder, model.encoder.dim, folder / DECODER, fingerprint))
    return paths


def _export_encoder(model: Recognizer, bundle: Bundle, path: Path, fingerprint: str) -> Path:
    preprocess, stride = bundle.parts["preprocess"], model.encoder.patch_embed.stride
    columns = 12 * stride
    dynamic: dict[str, Any] = {"pixels": {0: _dim("b")}, "widths": {0: _dim("b")}}
    if preprocess.max_crop_width(preprocess.height) is None:
        columns = preprocess.columns(preprocess.height, preprocess.height)
    else:
        dynamic["pixels"][3] = _dim("t", low=2) * stride
    blank = np.full((preprocess.height, 2 * preprocess.height), 255, np.uint8)
    channels = preprocess.batch([preprocess(blank)]).pixels.shape[1]
    pixels = torch.rand(2, channels, preprocess.height, columns)
    names = ["features", "lengths", "mask", "logits"][: 3 + (model.ctc_head is not None)]
    return _export(
        EncoderGraph(model),
        {"pixels": pixels, "widths": torch.tensor([columns, columns - 1])},
        path,
        outputs=names,
        dynamic=dynamic,
        fingerprint=fingerprint,
    )


def _export_step(decoder: CachedDecoder, dim: int, path: Path, fingerprint: str) -> Path:
    memory, mask = torch.rand(2, 5, dim), torch.ones(2, 5, dtype=torch.bool)
    cache = decoder.start(memory, mask)
    tokens = torch.zeros(2, dtype=torch.long)
    for _ in range(3):
        decoder.step(tokens, cache)
    cross = [tensor for pair in cache.cross for tensor in pair]
    past = [tensor for pair in cache.self_ for tensor in pair]
    layers = range(len(cache.cross))
    names = [f"{kind}_{layer}" for layer in layers for kind in ("keys", "values")]
    return _export(
        StepGraph(decoder),
        {"tokens": tokens, "mask": mask, "cross": cross, "past": past},
        path,
        inputs=["tokens", "mask", *(f"cross_{name}" for name in names), *(f"past_{name}" for name in names)],
        outputs=["logits", *(f"next_{name}" for name in names)],
        dynamic={
            "tokens": {0: _dim("b")},
            "mask": {0: _dim("b"), 1: _dim("t", low=2)},
            "cross": [{0: _dim("b"), 2: _dim("t", low=2)}] * len(cross),
            "past": [{0: _dim("b"), 2: _dim("l", low=2, high=decoder.max_length - 1)}] * len(past),
        },
        fingerprint=fingerprint,
    )


def _export_detector(model: Detector, path: Path, fingerprint: str) -> Path:
    multiple = model.backbone.multiple
    names = ["region", "affinity", "line", "extent"]
    pixels = torch.rand(2, 3, 4 * multiple, 5 * multiple)
    count = len(DetectorGraph(model)(pixels))
    return _export(
        DetectorGraph(model),
        {"pixels": pixels},
        path,
        outputs=names[:count],
        dynamic={
            "pixels": {0: _dim("b"), 2: _dim("rows", low=2) * multiple, 3: _dim("columns", low=2) * multiple}
        },
        fingerprint=fingerprint,
    )


def _export(
    graph: nn.Module,
    inputs_by_name: Mapping[str, Any],
    path: Path,
    *,
    outputs: Sequence[str],
    dynamic: Mapping[str, Any],
    fingerprint: str,
    inputs: Sequence[str] = (),
) -> Path:
    """Write one graph to a single file, and check that ONNX can load it."""
    try:
        import onnx
        import onnxscript  # noqa: F401 (PyTorch's exporter is written with it)
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed, it comes with `uv sync --extra onnx`") from error
    # The exporter tells of every step that it takes.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph.eval(),
            kwargs=dict(inputs_by_name),
            input_names=list(inputs or inputs_by_name),
            output_names=list(outputs),
            dynamic_shapes=dict(dynamic),
            dynamo=True,
            opset_version=OPSET,
            verbose=False,
        )
    model = program.model_proto
    onnx.helper.set_model_props(model, {FINGERPRINT: fingerprint})
    onnx.checker.check_model(model)
    onnx.save_model(model, path)
    return path


def _dim(name: str, *, low: int = 1, high: int | None = None) -> Any:
    return torch.export.Dim(name, min=low, max=high)
