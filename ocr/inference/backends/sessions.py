"""Exported networks as functions of arrays, run by ONNX Runtime or OpenVINO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from ocr.errors import BundleError, ConfigError, one_line
from ocr.inference.backends.export import FINGERPRINT
from ocr.inference.device import has_bfloat16

Session = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
"""Function from named inputs to named outputs."""


def open_session(path: Path, *, backend: str, fingerprint: str) -> Session:
    """Load an exported network.

    Args:
        backend: `onnx` or `openvino`. fingerprint: checksum of the bundle's weights.
    Raises:
        ConfigError: the package of the backend is not installed. BundleError: no such file, or not an export of
            these weights.
    """
    if not path.is_file():
        raise BundleError(
            f"{path}: no such file; `ocr export onnx BUNDLE DIR` writes it, for recognizer=DIR or detector=DIR"
        )
    found, session = SESSIONS[backend](path)
    if found != fingerprint:
        raise BundleError(f"{path}: was exported from other weights, repeat `ocr export onnx`")
    return session


def _onnx_runtime(path: Path) -> tuple[str | None, Session]:
    """Load a file with ONNX Runtime; returns its fingerprint, and the session."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors
    except ImportError as error:
        raise ConfigError("backend=onnx needs ONNX Runtime: uv sync --extra onnx") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Its messages go past Python's streams; what matters is raised.
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (errors.Fail, errors.InvalidProtobuf, errors.InvalidGraph, errors.NoSuchFile) as error:
        raise BundleError(f"{path}: cannot be loaded ({one_line(error)})") from error
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return session.get_modelmeta().custom_metadata_map.get(FINGERPRINT), run


def _openvino(path: Path) -> tuple[str | None, Session]:
    """Load a file with OpenVINO, in bf16 where the processor has it; returns its fingerprint, and the session."""
    try:
        import openvino
    except ImportError as error:
        raise ConfigError("backend=openvino needs OpenVINO: uv sync --extra openvino") from error
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if has_bfloat16(torch.device("cpu")) else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    core = openvino.Core()
    try:
        model = core.read_model(path)
        compiled = core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise BundleError(f"{path}: cannot be loaded ({one_line(error)})") from error
    names = [output.get_any_name() for output in compiled.outputs]

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        # A request of its own for each call: several threads may read at once.
        found = compiled.create_infer_request().infer(dict(inputs))
        return {name: found[index] for index, name in enumerate(names)}

    place = ["framework", FINGERPRINT]
    return model.get_rt_info(place).astype(str) if model.has_rt_info(place) else None, run


SESSIONS = {"onnx": _onnx_runtime, "openvino": _openvino}
"""Loaders by the name of the backend."""
