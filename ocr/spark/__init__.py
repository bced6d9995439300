"""Reading pages on Apache Spark: stages for `pyspark.ml` pipelines, and `ocr spark read`.

Needs the extra `spark` and Java 17. docs/spark.md is the guide.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "BinaryToImage": "stages",
    "ImageTextDetectorV2": "stages",
    "ImageToTextV2": "stages",
    "ImageDrawRegions": "stages",
    "Color": "enums",
    "ImageType": "enums",
    "OcrOutputFormat": "enums",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    # Loaded on first use (PEP 562): workers import this package too, and need neither pyspark.ml nor its pandas.
    if name in _HOMES:
        return getattr(import_module(f"ocr.spark.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ocr.spark' has no attribute {name!r}")
