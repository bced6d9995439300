"""The engine `ours`: a bundle, read with this package."""

from __future__ import annotations

from typing import Any

from ocr.bundle import Bundle
from ocr.errors import ConfigError
from ocr.evaluation.engine import OURS, Contestant, Machine
from ocr.evaluation.settings import Settings
from ocr.inference.detector import LineFinder
from ocr.inference.reader import Reader
from ocr.inference.recognizer import LineReader


def line_contestant(settings: Settings, machine: Machine) -> Contestant:
    """Load the bundle of the settings for lines. Raises ConfigError where it is not a recognizer."""
    bundle = _bundle(settings)
    if bundle.kind != "recognizer":
        raise ConfigError(f"bundle={settings.bundle} is a {bundle.kind}: lines need a recognizer")
    reader = LineReader(bundle, device=machine.device, decode=settings.decode)
    return Contestant(bundle.name, lines=reader, about={"decode": reader.decode, **_about(bundle)})


def page_contestant(settings: Settings, machine: Machine) -> Contestant:
    """Load the bundle of the settings for pages; a detector finds their lines without text."""
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
