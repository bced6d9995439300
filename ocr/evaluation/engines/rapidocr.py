"""PP-OCR (Cui et al., PaddleOCR 3.0 Technical Report, 2025) as run by the package rapidocr in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ocr.decoding import Hypothesis
from ocr.errors import ConfigError
from ocr.evaluation.engine import Machine, packages_of
from ocr.geometry import baseline_from_polygon
from ocr.types import TextLine


class Rapid:
    """Engine that reads lines by the recognizer of rapidocr, and pages by its whole pipeline with its defaults."""

    def __init__(
        self, ocr: Any, title: str, about: dict[str, Any], unreadable: tuple[type[Exception], ...]
    ) -> None:
        self.ocr, self.title, self.about, self.unreadable = ocr, title, about, unreadable

    def read_lines(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Read line images; see `LineEngine`."""
        found = self.ocr.recognize_txt([_bgr(image) for image in images])
        return [Hypothesis(text, float(score)) for text, score in zip(found.txts, found.scores, strict=True)]

    def read_page(self, image: np.ndarray) -> list[TextLine]:
        """Read a page; see `PageEngine`."""
        try:
            found = self.ocr(_bgr(image))
        except self.unreadable:  # The image is too narrow to be resized.
            return []
        if getattr(found, "txts", None) is None:  # No line was found, or none could be read.
            return []
        return [
            TextLine(polygon, baseline_from_polygon(polygon), text=text, confidence=float(score))
            for polygon, text, score in zip(
                np.asarray(found.boxes, np.float32), found.txts, found.scores, strict=True
            )
        ]


def load(
    machine: Machine,
    *,
    version: str = "PP-OCRv6",
    size: str = "small",
    language: str = "ch",
    text_score: float = 0.5,
    detector: str | None = None,
    recognizer: str | None = None,
    characters: str | None = None,
) -> Rapid:
    """Load models of the package by name, or from files; models that are not installed are downloaded.

    Args:
        language: language of the recognizer. text_score: lowest confidence of lines of pages.
        detector, recognizer, characters: ONNX files of that version and size, and the list of the recognizer's
            characters, a line each, where its file does not hold it.
    Raises:
        ConfigError: the package is missing, the model is unknown, there is no such file, or it cannot be downloaded.
    """
    with packages_of("rapidocr"):
        import onnxruntime  # noqa: F401 (rapidocr imports it only when it runs a model)
        from rapidocr import ModelType, OCRVersion
        from rapidocr.ch_ppocr_det.utils import ResizeImgError as DetectorResizeError
        from rapidocr.main import RapidOCR
        from rapidocr.utils.download_file import DownloadFileException
        from rapidocr.utils.process_img import ResizeImgError
    parameters = {
        "Global.text_score": text_score,
        "Global.log_level": "critical",
        "EngineConfig.onnxruntime.intra_op_num_threads": machine.threads or -1,
        "EngineConfig.onnxruntime.use_cuda": machine.device.type == "cuda",
        "Rec.lang_type": language,
    }
    files = {"Det.model_path": detector, "Rec.model_path": recognizer, "Rec.rec_keys_path": characters}
    for key, file in files.items():
        if file is not None:
            if not Path(file).is_file():
                raise ConfigError(f"engine=rapidocr: {file}: no such file")
            parameters[key] = file
    for part in ("Det", "Rec"):
        parameters[f"{part}.ocr_version"] = _choice(OCRVersion, version, "rapidocr.version")
        parameters[f"{part}.model_type"] = _choice(ModelType, size, "rapidocr.size")
    try:
        ocr = RapidOCR(params=parameters)
        # Networks are loaded on first use, which must not be timed.
        blank = np.full((48, 320, 3), 255, np.uint8)
        ocr.recognize_txt([blank])
        ocr(blank)
    except (ValueError, DownloadFileException) as error:
        raise ConfigError(f"engine=rapidocr: {version} {size}, language {language}: {error}") from error
    packages = {name: version_of(name) for name in ("rapidocr", "onnxruntime")}
    models = {"version": version, "size": size, "language": language, "text_score": text_score}
    named = {"detector": detector, "recognizer": recognizer, "characters": characters}
    about = {**models, **{key: file for key, file in named.items() if file}, "packages": packages}
    return Rapid(ocr, f"{version} {size}", about, (ResizeImgError, DetectorResizeError))


def _choice(kind: type[Enum], value: str, option: str) -> Enum:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise ConfigError(f"{option}={value}: unknown, choose from {known}") from error


def _bgr(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR)
