"""An evaluation from beginning to end: load bundle or engines, score them, print and store the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ocr.data.lines.sources import LineSource
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import ConfigError
from ocr.evaluation.analysis import worst
from ocr.evaluation.contestants import Contestant, prepare
from ocr.evaluation.engine import Machine
from ocr.evaluation.lines import Head, LineResult, evaluate_lines
from ocr.evaluation.pages import evaluate_pages
from ocr.evaluation.report import print_comparison, print_report, write_lines, write_report
from ocr.evaluation.settings import Settings


def measure(data: LineSource | PagesManifest, settings: Settings) -> dict[str, Any]:
    """Score a bundle, or several engines, on lines or pages; print the table and write the requested files.

    Returns:
        The report with its settings; for several engines `{"engines": {name: report}}`.
    Raises:
        OcrError: an engine cannot be loaded or does not fit the data, or nothing could be scored.
    """
    from ocr.inference.device import resolve_device

    if settings.threads:
        torch.set_num_threads(settings.threads)
    pages = _is_pages(data, settings)
    machine = Machine(resolve_device(settings.device), settings.threads)
    # All engines are loaded first, so that a missing package is reported at once and loading is not timed.
    contestants = {name: prepare(name, settings, machine, pages=pages) for name in settings.engines}
    several = len(contestants) > 1
    reports: dict[str, dict[str, Any]] = {}
    read: dict[str, list[LineResult]] = {}
    for name, contestant in contestants.items():
        report, read[name] = _score(contestant, data, settings)
        reports[name] = report | contestant.about | _circumstances(name, data, settings, machine)
        if settings.predictions:
            write_lines(_rows(read[name]), _file_of(settings.predictions, name if several else None))
        # Written after each engine, so that a failure of a later one does not lose it.
        if settings.report:
            write_report({"engines": reports} if several else reports[name], settings.report)
    _show(reports, contestants, settings, on=_name(data))
    for name, results in read.items() if settings.worst else ():
        _draw_worst(results, data, settings, _file_of(settings.worst, name if several else None))
    return {"engines": reports} if several else next(iter(reports.values()))


def _show(
    reports: Mapping[str, dict[str, Any]],
    contestants: Mapping[str, Contestant],
    settings: Settings,
    *,
    on: str,
) -> None:
    """Print the report of one engine, or those of several side by side."""
    rows = [(contestants[name].title, report) for name, report in reports.items()]
    if len(rows) > 1:
        print_comparison(rows, title=f"{len(rows)} engines on {on}")
        return
    ((title, report),) = rows
    print_report(report, title=f"{title} on {on}", confusions=settings.confusions)


def _is_pages(data: LineSource | PagesManifest, settings: Settings) -> bool:
    """Tell pages from lines. Raises ConfigError for data or settings that do not suit an evaluation."""
    pages = isinstance(data, PagesManifest)
    if not pages and not isinstance(data, LineSource):
        raise ConfigError(f"data={type(data).__name__} is for training: choose lines or pages to evaluate on")
    if pages and (settings.kind or settings.predictions or settings.worst):
        raise ConfigError("kind=, predictions= and worst= are for lines; pages are scored whole")
    return pages


def _circumstances(
    name: str, data: LineSource | PagesManifest, settings: Settings, machine: Machine
) -> dict[str, Any]:
    """Settings, data and date of an evaluation, for its report."""
    used = {
        "device": str(machine.device),
        "threads": torch.get_num_threads(),
        "options": dict(settings.options.get(name, {})),
    }
    return {"settings": asdict(settings) | used, "data": _name(data), "date": date.today().isoformat()}


def _name(data: LineSource | PagesManifest) -> str:
    return getattr(data, "name", None) or str(data.path)


def _file_of(path: str, engine: str | None) -> Path:
    """Return the file of an engine: `path`, with the name of the engine before its ending if there are several."""
    file = Path(path)
    return file if engine is None else file.with_suffix(f".{engine}{file.suffix}")


def _rows(results: Sequence[LineResult]) -> list[dict[str, Any]]:
    """List label and text of every line, worst first."""
    return [_row(result) for result in sorted(results, key=lambda result: -result.counts.cer)]


def _draw_worst(results: Sequence[LineResult], data: LineSource, settings: Settings, path: Path) -> None:
    """Draw the worst lines of each source with likely causes, and print how the causes weigh."""
    rows = {(row["source"], row["id"]): row for row in _rows(results)}
    source = data if settings.limit is None else Head(data, settings.limit)
    lines = worst.measured_lines(rows, source)
    worst.print_causes(lines)
    worst.write_sheet(worst.worst_of_each_source(lines, settings.worst_lines), path)


def _score(
    contestant: Contestant, data: LineSource | PagesManifest, settings: Settings
) -> tuple[dict[str, Any], list[LineResult]]:
    """Evaluate one engine; returns the report and, for lines, their results."""
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
