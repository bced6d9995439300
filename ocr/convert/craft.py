"""Conversion of the published weights of CRAFT (Baek et al. 2019) and its link refiner to a detector bundle."""

from __future__ import annotations

from pathlib import Path

from ocr.bundle import Bundle
from ocr.convert.files import filled_model
from ocr.convert.weights import Weights
from ocr.image.page_preprocess import PagePreprocessor

BACKBONE = {"_target_": "ocr.models.backbones.vgg16_bn.Vgg16Bn"}
REFINER = {"_target_": "ocr.models.detector.LinkRefiner"}
THRESHOLDS = {"text_threshold": 0.7, "link_threshold": 0.4, "low_text": 0.4, "size_threshold": -1}
"""Defaults of the published program."""

PAGES = PagePreprocessor(max_side=1280, enlarge=1.5)
"""`canvas_size` and `mag_ratio` of the published program."""


def convert_craft(path: str | Path, *, name: str, refiner: str | Path | None = None) -> Bundle:
    """Make a detector bundle that finds words and, with the weights of the link refiner, lines.

    Raises:
        WeightsError: a file is missing or damaged, or not that of CRAFT or of its refiner.
    """
    # Saved from `DataParallel`, which prefixes all names.
    weights = Weights.read(path).without("module.")
    config = {"_target_": "ocr.models.detector.Detector", "backbone": BACKBONE, "refiner": None}
    backbone = filled_model(BACKBONE, weights.rest(), weights.path)
    state = {f"backbone.{key}": value for key, value in backbone.state_dict().items()}
    files = [weights.path]
    if refiner is not None:
        weights = Weights.read(refiner).without("module.")
        config["refiner"] = REFINER
        lines = filled_model(REFINER, weights.rest(), weights.path)
        state |= {f"refiner.{key}": value for key, value in lines.state_dict().items()}
        files.append(weights.path)
    return Bundle(
        "detector",
        name,
        filled_model(config, state, files[0]),
        config,
        {"preprocess": PAGES.config()},
        decoding=THRESHOLDS | {"with_refiner": refiner is not None, "word_maps": True},
        training_data=[
            {"name": file.name, "licence": "see the original", "use": "its weights"} for file in files
        ],
        description={
            "summary": f"CRAFT, converted from {' and '.join(file.name for file in files)}.",
            "licence": "that of the original weights",
        },
    )
