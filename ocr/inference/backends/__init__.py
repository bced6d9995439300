"""Networks as they are run for reading: by PyTorch, ONNX Runtime or OpenVINO.

The last two run files that `ocr export onnx` has written beside the weights of a bundle, and are loaded only if asked
for. A network of any backend has the methods of `Recognizer` and `Detector` that reading uses.
"""

from __future__ import annotations

from pathlib import Path

import torch

from ocr.bundle import Bundle
from ocr.bundle.files import CHECKSUM
from ocr.bundle.schema import read_description
from ocr.errors import BundleError, ConfigError
from ocr.inference.backends.torch_networks import fast_detector, fast_recognizer
from ocr.models.detector import Detector
from ocr.models.recognizer import Recognizer

TORCH = "torch"


def recognizer_network(bundle: Bundle, device: torch.device, backend: str) -> Recognizer:
    """Return the network of a recognizer, or what stands in for it.

    Raises:
        ConfigError: the backend is not installed, or the device is not the CPU. BundleError: the bundle holds no
            exported network, or one of other weights.
    """
    if backend == TORCH:
        return fast_recognizer(bundle.model, device)
    from ocr.inference.backends.exported import exported_recognizer

    folder, fingerprint = _exported(bundle, device, backend)
    return exported_recognizer(bundle.model, folder, backend=backend, fingerprint=fingerprint)


def detector_network(bundle: Bundle, device: torch.device, backend: str) -> Detector:
    """Return the network of a detector, or what stands in for it. Raises as `recognizer_network`."""
    if backend == TORCH:
        return fast_detector(bundle.model, device)
    from ocr.inference.backends.exported import exported_detector

    folder, fingerprint = _exported(bundle, device, backend)
    return exported_detector(bundle.model, folder, backend=backend, fingerprint=fingerprint)


def _exported(bundle: Bundle, device: torch.device, backend: str) -> tuple[Path, str]:
    """Return the folder of exported networks, and the checksum of the weights that they have to be of."""
    if device.type != "cpu":
        raise ConfigError(f"backend={backend} runs on the CPU: set device=cpu, or backend={TORCH}")
    if bundle.folder is None:
        raise BundleError(f"backend={backend}: bundle {bundle.name!r} was not loaded from a folder")
    return bundle.folder, read_description(bundle.folder)[CHECKSUM]
