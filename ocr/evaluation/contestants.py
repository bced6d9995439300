"""What is to be measured, loaded and ready to read: our bundle, or an engine of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ocr.bundle import Bundle
from ocr.errors import ConfigError
from ocr.evaluation.engine import OURS, LineEngine, Machine, PageEngine, load_engine
from ocr.evaluation.pages import PageReader
from ocr.evaluation.settings import Settings
from ocr.inference.detector import LineFinder
from ocr.inference.pipeline import CutPage, Reader
from ocr.inference.recognizer import LineReader
from ocr.types import TextLine


@dataclass(frozen=True)
class Contestant:
    """One row of the table: `lines` reads lines, or `page` reads pages; `about` goes into the report."""

    title: str
    lines: LineReader | LineEngine | None = None
    page: PageReader | None = None
    with_text: bool = True
    about: dict[str, Any] = field(default_factory=dict)


def prepare(name: str, settings: Settings, machine: Machine, *, pages: bool) -> Contestant:
    """Load the engine called `name` for lines, or for pages.

    Raises:
        OcrError: the bundle or model is unknown or of the wrong kind, or something that it needs is missing.
    """
    if name == OURS:
        return _ours_for_pages(settings, machine) if pages else _ours_for_lines(settings, machine)
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
    """Pages for an engine that reads lines alone: our detector finds them."""

    def __init__(self, engine: LineEngine, finder: LineFinder) -> None:
        self.engine, self.finder = engine, finder

    def __call__(self, image: np.ndarray) -> Sequence[TextLine]:
        page = CutPage.along(image, self.finder.find(image))
        readings = self.engine.read_lines([crop.image for crop in page.crops]) if page.crops else []
        for line, reading in zip(page.lines, readings, strict=True):
            line.text, line.confidence = reading.text, reading.confidence
        return page.lines


def _ours_for_lines(settings: Settings, machine: Machine) -> Contestant:
    bundle = _bundle(settings)
    if bundle.kind != "recognizer":
        raise ConfigError(f"bundle={settings.bundle} is a {bundle.kind}: lines need a recognizer")
    reader = LineReader(bundle, device=machine.device, decode=settings.decode)
    return Contestant(bundle.name, lines=reader, about={"decode": reader.decode, **_about(bundle)})


def _ours_for_pages(settings: Settings, machine: Machine) -> Contestant:
    bundle = _bundle(settings)
    if bundle.kind == "detector":
        find = LineFinder(bundle, device=machine.device).find
        return Contestant(bundle.name, page=find, with_text=False, about=_about(bundle))
    finder = LineFinder(Bundle.load(settings.detector, kind="detector"), device=machine.device)
    reader = Reader(
        LineReader(bundle, device=machine.device, decode=settings.decode, batch_size=settings.batch_size),
        finder,
    )
    return Contestant(bundle.name, page=lambda image: reader.read_array(image).lines, about=_about(bundle))


def _bundle(settings: Settings) -> Bundle:
    if settings.bundle is None:
        raise ConfigError("bundle= is missing: a shipped name or a folder, such as ocr_small_handwritten")
    return Bundle.load(settings.bundle)


def _about(bundle: Bundle) -> dict[str, Any]:
    about = {"name": bundle.name, "version": bundle.version, "parameters": bundle.parameters}
    return {"engine": {"name": OURS}, "bundle": about}
