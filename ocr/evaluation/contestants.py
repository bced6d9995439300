"""Loading of the bundle or engine to be evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.bundle import Bundle
from ocr.evaluation.engine import OURS, Contestant, LineEngine, Machine, PageEngine, load_engine
from ocr.evaluation.engines.ours import line_contestant, page_contestant
from ocr.evaluation.settings import Settings
from ocr.inference.detector import LineFinder
from ocr.inference.reader import CutPage
from ocr.types import TextLine


def prepare(name: str, settings: Settings, machine: Machine, *, pages: bool) -> Contestant:
    """Load the engine called `name` for lines, or for pages.

    Raises:
        OcrError: the bundle or model is unknown or of the wrong kind, or a package or program is missing.
    """
    if name == OURS:
        return page_contestant(settings, machine) if pages else line_contestant(settings, machine)
    engine = load_engine(name, machine, settings.options.get(name, {}))
    about = {"engine": {"name": name, **engine.about}}
    if not pages:
        return Contestant(engine.title, lines=engine, about=about)
    if isinstance(engine, PageEngine):
        return Contestant(engine.title, page=engine.read_page, about=about)
    finder = LineFinder(Bundle.load(settings.detector, kind="detector"), device=machine.device)
    title = f"{engine.title}, lines of {settings.detector}"
    return Contestant(title, page=_FoundLines(engine, finder), about=about)


class _FoundLines:
    """Page reader that combines a detector bundle with an engine that reads single lines."""

    def __init__(self, engine: LineEngine, finder: LineFinder) -> None:
        self.engine, self.finder = engine, finder

    def __call__(self, image: np.ndarray) -> Sequence[TextLine]:
        page = CutPage.from_lines(image, self.finder.find(image))
        readings = self.engine.read_lines([crop.image for crop in page.crops]) if page.crops else []
        for line, reading in zip(page.lines, readings, strict=True):
            line.text, line.confidence = reading.text, reading.confidence
        return page.lines
