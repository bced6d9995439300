"""Evaluation of line detection, reading order and text on annotated pages."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapely import union_all

from ocr.data.pages.manifest import PagesManifest
from ocr.errors import ConfigError, DataError
from ocr.evaluation.engine import PageReader
from ocr.geometry import to_shapely
from ocr.metrics.boxes import DetectionCounts, count_detections, match_polygons, reading_order_error
from ocr.metrics.text import ErrorCounts, bag_of_lines_errors, bootstrap_interval, page_errors
from ocr.types import Page, Polygon, TextLine


@dataclass
class PageCounts:
    """Additive counts of one or several pages."""

    detection: DetectionCounts = field(default_factory=DetectionCounts)
    pairs_out_of_order: float = 0.0
    pairs: int = 0
    text: ErrorCounts = field(default_factory=ErrorCounts)
    any_order: ErrorCounts = field(default_factory=ErrorCounts)

    def __add__(self, other: PageCounts) -> PageCounts:
        return PageCounts(*(mine + theirs for mine, theirs in zip(self._all(), other._all(), strict=True)))

    def _all(self) -> tuple:
        return self.detection, self.pairs_out_of_order, self.pairs, self.text, self.any_order


def evaluate_pages(
    read: PageReader,
    pages: PagesManifest,
    *,
    with_text: bool = True,
    normalize: bool = True,
    limit: int | None = None,
    iou: float = 0.5,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, Any]:
    """Score a page reader on annotated pages.

    Args:
        with_text: also compare the text of the lines. normalize: normalize both texts first.
        limit: use only the first pages. iou: intersection over union from which a line counts as found.
    Returns:
        `precision`, `recall`, `f1` of lines and `order_error` (pairs of lines read in the wrong order) as
        fractions; `precision` and `f1` are None where no page is completely annotated. With text `cer`, `wer` in
        percent of the page read in order, lines joined by spaces, with `cer_ci`, `wer_ci` (95 % bootstrap over
        pages), and `cer_any_order`, which ignores the order. `pages`, `lines`, `seconds`, `pages_per_second`,
        `per_source`, and `skipped` pages with the reason.
    Raises:
        DataError: no page could be read.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1, got {limit}")
    scored: dict[str, list[PageCounts]] = defaultdict(list)
    skipped: list[dict[str, Any]] = []
    seconds = 0.0
    for index in progress(range(min(len(pages), limit or len(pages)))):
        try:
            image, truth = pages[index]
        except DataError as error:
            skipped.append({"row": index, "reason": str(error)})
            continue
        start = time.perf_counter()
        lines = read(image)
        seconds += time.perf_counter() - start
        counts = score_page(lines, truth, with_text=with_text, normalize=normalize, iou=iou)
        scored[pages.rows[index]["source"]].append(counts)
    if not scored:
        raise DataError(f"{pages.path}: no page can be scored, the first: {skipped[0]['reason']}")
    return _report(scored, seconds, with_text=with_text) | {"skipped": skipped}


def _report(scored: Mapping[str, list[PageCounts]], seconds: float, *, with_text: bool) -> dict[str, Any]:
    """Rates over all pages and for each source, and the speed."""
    everything = [counts for source in scored.values() for counts in source]
    return page_rates(everything, with_text=with_text) | {
        "seconds": round(seconds, 3),
        "pages_per_second": round(len(everything) / seconds, 3),
        "per_source": {
            name: page_rates(counts, with_text=with_text) for name, counts in sorted(scored.items())
        },
    }


def score_page(
    lines: Sequence[TextLine],
    truth: Page,
    *,
    with_text: bool = True,
    normalize: bool = True,
    iou: float = 0.5,
) -> PageCounts:
    """Count the errors of one page.

    Text in areas without annotated text (ignored areas, lines marked as illegible and, on incompletely annotated
    pages, ink outside of all annotated lines) is left out of the text scores.
    """
    found, true = [line.polygon for line in lines], [line.polygon for line in truth.lines]
    detection = count_detections(found, true, ignore=truth.ignore, complete=truth.complete, iou=iou)
    ranks = [rank for _, rank in sorted(match_polygons(found, true, iou))]
    pairs = len(ranks) * (len(ranks) - 1) // 2
    counts = PageCounts(detection, reading_order_error(ranks) * pairs, pairs)
    if with_text:
        reference = [line.text for line in truth.lines if line.text]
        hypothesis = [line.text for line in comparable(lines, truth) if line.text]
        counts.text = page_errors(reference, hypothesis, normalize=normalize)
        counts.any_order = bag_of_lines_errors(reference, hypothesis, normalize=normalize)
    return counts


def comparable(lines: Sequence[TextLine], truth: Page) -> list[TextLine]:
    """Select the detected lines that lie on annotated text."""
    unknown = _union([*truth.ignore, *(line.polygon for line in truth.lines if not line.text)])
    known = _union([line.polygon for line in truth.lines if line.text])
    kept = []
    for line in lines:
        shape = to_shapely(line.polygon)
        on_text = shape.intersection(known).area
        if shape.intersection(unknown).area > max(on_text, 0.5 * shape.area):
            continue
        # A line drawn too tall still overlaps its truth by more than this.
        if not truth.complete and on_text < 0.1 * shape.area:
            continue
        kept.append(line)
    return kept


def page_rates(pages: Sequence[PageCounts], *, with_text: bool) -> dict[str, Any]:
    """Compute the rates of some pages together: counts are summed, then divided."""
    total = sum(pages, PageCounts())
    rates: dict[str, Any] = {}
    if with_text:
        texts = [page.text for page in pages]
        rates |= {
            "cer": round(total.text.cer, 3),
            "cer_ci": [round(value, 3) for value in bootstrap_interval(texts)],
            "wer": round(total.text.wer, 3),
            "wer_ci": [round(value, 3) for value in bootstrap_interval(texts, rate="wer")],
            "cer_any_order": round(total.any_order.cer, 3),
        }
    return rates | {
        # Where no page is completely annotated, a wrong line cannot be told from one missing in the annotation.
        "precision": round(total.detection.precision, 4) if total.detection.predicted else None,
        "recall": round(total.detection.recall, 4),
        "f1": round(total.detection.f1, 4) if total.detection.predicted else None,
        "order_error": round(total.pairs_out_of_order / total.pairs, 4) if total.pairs else 0.0,
        "over_segmented": total.detection.over_segmented,
        "under_segmented": total.detection.under_segmented,
        "pages": len(pages),
        "lines": total.detection.truth,
    }


def _union(polygons: Sequence[Polygon]):
    return union_all([to_shapely(polygon) for polygon in polygons])
