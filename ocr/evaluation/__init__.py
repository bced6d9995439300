"""Scores of a bundle on labelled lines or pages, as `evaluate.py` prints and stores them."""

from ocr.evaluation.lines import LineResult, evaluate_lines
from ocr.evaluation.pages import evaluate_pages
from ocr.evaluation.run import Settings, evaluate_bundle

__all__ = ["LineResult", "Settings", "evaluate_bundle", "evaluate_lines", "evaluate_pages"]
