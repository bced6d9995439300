"""One evaluation from beginning to end: load what is to be measured, score it, show and store the numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ocr.data.lines.sources import LineSource
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import ConfigError
from ocr.evaluation.contestants import Contestant, prepare
from ocr.evaluation.engine import Machine
from ocr.evaluation.lines import LineResult, evaluate_lines
from ocr.evaluation.pages import evaluate_pages
from ocr.evaluation.report import print_comparison, print_report, write_lines, write_report
from ocr.evaluation.settings import Settings


def measure(data: LineSource | PagesManifest, settings: Settings) -> dict[str, Any]:
    """Score a bundle, or engines side by side, on lines or pages; prints the table, writes the files asked for.

    Returns:
        The report, which also says how it was measured; of several engines `{"engines": {name: report}}`.
    Raises:
        OcrError: an engine cannot be had or does not fit the data, or nothing could be scored.
    """
    from ocr.inference.device import resolve_device

    if settings.threads:
        torch.set_num_threads(settings.threads)
    pages = isinstance(data, PagesManifest)
    if not pages and not isinstance(data, LineSource):
        raise ConfigError(f"data={type(data).__name__} is for training: choose lines or pages to evaluate on")
    if pages and (settings.kind or settings.predictions):
        raise ConfigError("kind= and predictions= are for lines; pages are scored whole")
    machine = Machine(resolve_device(settings.device), settings.threads)
    # All are loaded before the first is measured: what one lacks is known at once, and loading is not timed.
    contestants = {name: prepare(name, settings, machine, pages=pages) for name in settings.engines}
    several = len(contestants) > 1
    reports: dict[str, dict[str, Any]] = {}
    for name, contestant in contestants.items():
        report, results = _score(contestant, data, settings)
        report |= contestant.about
        report["settings"] = asdict(settings) | {
            "device": str(machine.device),
            "threads": torch.get_num_threads(),
            "options": dict(settings.options.get(name, {})),
        }
        report["data"] = getattr(data, "name", None) or str(data.path)
        report["date"] = date.today().isoformat()
        reports[name] = report
        if settings.predictions:
            worst_first = sorted(results, key=lambda result: -result.counts.cer)
            path = Path(settings.predictions)
            path = path.with_suffix(f".{name}{path.suffix}") if several else path
            write_lines([_row(result) for result in worst_first], path)
        # After each engine, so that trouble with a later one does not cost these numbers.
        if settings.report:
            write_report({"engines": reports} if several else report, settings.report)
    if not several:
        print_report(report, title=f"{contestant.title} on {report['data']}")
        return report
    rows = [(contestants[name].title, each) for name, each in reports.items()]
    print_comparison(rows, title=f"{len(rows)} engines on {report['data']}")
    return {"engines": reports}


def _score(
    contestant: Contestant, data: LineSource | PagesManifest, settings: Settings
) -> tuple[dict[str, Any], list[LineResult]]:
    if contestant.page is not None:
        report = evaluate_pages(
            contestant.page,
            data,
            with_text=contestant.with_text,
            normalize=settings.normalize,
            limit=settings.limit,
            progress=_progress,
        )
        return report, []
    return evaluate_lines(
        contestant.lines,
        data,
        normalize=settings.normalize,
        kind=settings.kind,
        limit=settings.limit,
        batch_size=settings.batch_size,
        num_workers=settings.num_workers,
        progress=_progress,
    )


def _progress(items: Iterable) -> Iterable:
    return tqdm(items, disable=None, leave=False)


def _row(result: LineResult) -> dict[str, Any]:
    texts = {key: getattr(result, key) for key in ("id", "source", "document", "reference", "reading")}
    cer = round(result.counts.cer, 2)
    return texts | {"confidence": result.confidence, "cer": cer, "edits": result.counts.edits}
