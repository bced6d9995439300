"""Evaluation of a bundle, or of other engines, on labeled lines or pages, as done by `ocr evaluate`."""

from ocr.evaluation.lines import LineResult, evaluate_lines
from ocr.evaluation.pages import evaluate_pages
from ocr.evaluation.run import measure
from ocr.evaluation.settings import Settings

__all__ = ["LineResult", "Settings", "evaluate_lines", "evaluate_pages", "measure"]
