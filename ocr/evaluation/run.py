"""One evaluation from beginning to end: load the bundle, score it, show and store the numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import torch
from tqdm import tqdm

from ocr.bundle import Bundle
from ocr.data.page_dataset import PagesManifest
from ocr.data.sources import LineSource
from ocr.errors import ConfigError
from ocr.evaluation.lines import LineResult, evaluate_lines
from ocr.evaluation.pages import evaluate_pages
from ocr.evaluation.report import print_report, write_lines, write_report
from ocr.inference.recognizer import LineReader


@dataclass(frozen=True)
class Settings:
    """The options of evaluate.py; `configs/evaluate.yaml` tells what they mean and holds the defaults."""

    bundle: str
    detector: str = ""
    report: str | None = None
    predictions: str | None = None
    normalize: bool = True
    kind: str | None = None
    decode: str | None = None
    limit: int | None = None
    batch_size: int = 16
    num_workers: int = 0
    device: str = "auto"
    threads: int | None = None


def evaluate_bundle(data: LineSource | PagesManifest, settings: Settings) -> dict[str, Any]:
    """Score a bundle on lines or pages; returns the report, which also says how it was measured.

    Raises:
        OcrError: the bundle is unknown or of the wrong kind for the data, or nothing could be scored.
    """
    from ocr.inference.pipeline import resolve_device

    if settings.batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, got {settings.batch_size}")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = resolve_device(settings.device)
    bundle = Bundle.load(settings.bundle)
    if isinstance(data, PagesManifest):
        report, results = _pages(data, bundle, settings, device), []
    elif isinstance(data, LineSource):
        report, results = _lines(data, bundle, settings, device)
    else:
        raise ConfigError(f"data={type(data).__name__} is for training: choose lines or pages to evaluate on")
    report["settings"] = asdict(settings) | {"device": str(device), "threads": torch.get_num_threads()}
    report["bundle"] = {"name": bundle.name, "version": bundle.version, "parameters": bundle.parameters}
    report["data"] = getattr(data, "name", None) or str(data.path)
    report["date"] = date.today().isoformat()
    print_report(report, title=f"{bundle.name} on {report['data']}")
    if settings.predictions:
        worst_first = sorted(results, key=lambda result: -result.counts.cer)
        write_lines([_row(result) for result in worst_first], settings.predictions)
    if settings.report:
        write_report(report, settings.report)
    return report


def _lines(
    data: LineSource, bundle: Bundle, settings: Settings, device: torch.device
) -> tuple[dict[str, Any], list[LineResult]]:
    if bundle.kind != "recognizer":
        raise ConfigError(f"bundle={settings.bundle} is a {bundle.kind}: lines need a recognizer")
    reader = LineReader(bundle, device=device, decode=settings.decode)
    report, results = evaluate_lines(
        reader,
        data,
        normalize=settings.normalize,
        kind=settings.kind,
        limit=settings.limit,
        batch_size=settings.batch_size,
        num_workers=settings.num_workers,
        progress=_progress,
    )
    return {"decode": reader.decode} | report, results


def _pages(data: PagesManifest, bundle: Bundle, settings: Settings, device: torch.device) -> dict[str, Any]:
    from ocr.inference.detector import LineFinder
    from ocr.inference.pipeline import Reader

    if settings.kind or settings.predictions:
        raise ConfigError("kind= and predictions= are for lines; pages are scored whole")
    if bundle.kind == "detector":
        read, with_text = LineFinder(bundle, device=device).find, False
    else:
        finder = LineFinder(Bundle.load(settings.detector, kind="detector"), device=device)
        line_reader = LineReader(
            bundle, device=device, decode=settings.decode, batch_size=settings.batch_size
        )
        reader, with_text = Reader(line_reader, finder), True

        def read(image):
            return reader.read_array(image).lines

    return evaluate_pages(
        read,
        data,
        with_text=with_text,
        normalize=settings.normalize,
        limit=settings.limit,
        progress=_progress,
    )


def _progress(items: Iterable) -> Iterable:
    return tqdm(items, disable=None, leave=False)


def _row(result: LineResult) -> dict[str, Any]:
    texts = {key: getattr(result, key) for key in ("id", "source", "document", "reference", "reading")}
    cer = round(result.counts.cer, 2)
    return texts | {"confidence": result.confidence, "cer": cer, "edits": result.counts.edits}
