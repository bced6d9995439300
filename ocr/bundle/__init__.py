"""Trained models as folders of weights and JSON, and the registry that builds their parts."""

from ocr.bundle.bundle import KINDS, WEIGHTS, Bundle, available, resolve
from ocr.bundle.registry import register

__all__ = ["KINDS", "WEIGHTS", "Bundle", "available", "register", "resolve"]
