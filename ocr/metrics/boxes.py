"""Rates of detection and of reading order: found and missed regions, and pairs in the wrong order.

Counts of pages are added up and one rate is taken of the sum. `precision`, `recall`, `f1` and order errors are
fractions in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from shapely import STRtree, union_all

from ocr.geometry import to_shapely
from ocr.metrics.counts import _Additive
from ocr.types import Polygon

MIN_COVERED_SHARE = 0.5
"""Share of a region that must lie inside another one to count as covered by it."""

MIN_PIECE_SHARE = 0.1
"""Share of a true region that a prediction must cover to be a piece of it; slivers are not."""

WHOLE_SHARE = 0.8
"""Share from which a single prediction covers all of a region."""

MIN_FILLED_SHARE = 0.4
"""Share of a prediction that the regions it merges must fill; a blot over half a page merges nothing."""


@dataclass(frozen=True)
class DetectionCounts(_Additive):
    """Found and missed regions, additive over pages."""

    matched: int = 0
    truth: int = 0
    predicted: int = 0
    """Predictions on completely annotated pages, without those in ignored areas."""
    correct: int = 0
    """Those of `predicted` that match: elsewhere an unmatched prediction proves nothing."""
    over_segmented: int = 0
    """True regions cut into two or more predictions, see `segmentation_errors`."""
    under_segmented: int = 0
    """Predictions that swallow two or more true regions."""

    @property
    def recall(self) -> float:
        return self.matched / self.truth if self.truth else 1.0

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def match_polygons(
    predicted: Sequence[Polygon], truth: Sequence[Polygon], iou: float = 0.5
) -> list[tuple[int, int]]:
    """One-to-one (predicted index, true index) pairs whose intersection over union is at least `iou`.

    Of all assignments the one with the most pairs, then the highest summed overlap. Sorted by true index.
    """
    overlap, areas, true_areas = _overlaps(predicted, truth)
    ratio = overlap / np.maximum(areas[:, None] + true_areas[None] - overlap, 1e-9)
    # One more pair outweighs any gain in overlap, which is at most 1 a pair.
    value = np.where((ratio >= iou) & (overlap > 0), ratio + min(ratio.shape, default=0) + 1, 0.0)
    rows, columns = linear_sum_assignment(value, maximize=True)
    pairs = [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if value[r, c] > 0]
    return sorted(pairs, key=lambda pair: pair[1])


def count_detections(
    predicted: Sequence[Polygon],
    truth: Sequence[Polygon],
    *,
    ignore: Sequence[Polygon] = (),
    complete: bool = True,
    iou: float = 0.5,
) -> DetectionCounts:
    """Detection counts of one page.

    Unmatched predictions that lie mostly in `ignore` are forgotten. With `complete` False, ink outside `truth`
    may be text, so the page counts for recall only.
    """
    pairs = match_polygons(predicted, truth, iou)
    areas = [to_shapely(polygon).area for polygon in predicted]
    over, under = segmentation_errors(predicted, truth)
    counted = 0
    if complete:
        hits = {row for row, _ in pairs}
        area = union_all([to_shapely(polygon) for polygon in ignore])
        counted = sum(
            row in hits or to_shapely(polygon).intersection(area).area <= 0.5 * areas[row]
            for row, polygon in enumerate(predicted)
        )
    return DetectionCounts(
        matched=len(pairs),
        truth=len(truth),
        predicted=counted,
        correct=len(pairs) if complete else 0,
        over_segmented=len(over),
        under_segmented=len(under),
    )


def segmentation_errors(
    predicted: Sequence[Polygon], truth: Sequence[Polygon]
) -> tuple[list[int], list[int]]:
    """Indices of the true regions that are cut, and of the predictions that swallow several.

    As in the ICDAR 2013 robust reading competition (Wolf and Jolion, Object count/area graphs for the evaluation of
    object detection and segmentation algorithms, 2006) a region is cut where two or more predictions lie mostly
    inside it and together cover it, and a prediction merges where it covers two or more regions that together fill
    it. Outlines of handwriting are less certain than boxes of print, of which 80 % must be covered there: a region
    is covered from `MIN_COVERED_SHARE` on. A region of which one prediction covers `WHOLE_SHARE` is not cut, however
    many more lie inside; those are wrong predictions.
    """
    overlap, areas, true_areas = _overlaps(predicted, truth)
    share = overlap / np.maximum(areas[:, None], 1e-9)
    cover = overlap / np.maximum(true_areas[None], 1e-9)
    pieces = np.where((share > MIN_COVERED_SHARE) & (cover > MIN_PIECE_SHARE), cover, 0.0)
    cut = (np.count_nonzero(pieces, axis=0) > 1) & (pieces.sum(axis=0) > MIN_COVERED_SHARE)
    cut &= pieces.max(axis=0, initial=0.0) <= WHOLE_SHARE
    inside = np.where(cover > MIN_COVERED_SHARE, share, 0.0)
    merged = (np.count_nonzero(inside, axis=1) > 1) & (inside.sum(axis=1) > MIN_FILLED_SHARE)
    return np.flatnonzero(cut).tolist(), np.flatnonzero(merged).tolist()


def reading_order_error(ranks: Sequence[int]) -> float:
    """Normalised Kendall tau distance: the fraction of pairs read in the wrong order.

    `ranks` are the true positions of the matched lines in the order in which they were read; 0 is the true order,
    1 its reverse, 0 where fewer than two lines matched (Kendall, A New Measure of Rank Correlation, 1938).
    """
    ranks = np.asarray(ranks)
    if len(ranks) < 2:
        return 0.0
    wrong = np.triu(ranks[:, None] > ranks[None], k=1).sum()
    return float(wrong / (len(ranks) * (len(ranks) - 1) / 2))


def _overlaps(
    predicted: Sequence[Polygon], truth: Sequence[Polygon]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intersection areas (p, t), areas (p,), true areas (t,), all float64."""
    shapes, true_shapes = [to_shapely(p) for p in predicted], [to_shapely(t) for t in truth]
    overlap = np.zeros((len(shapes), len(true_shapes)))
    if shapes and true_shapes:
        for row, column in STRtree(true_shapes).query(shapes, predicate="intersects").T:
            overlap[row, column] = shapes[row].intersection(true_shapes[column]).area
    return overlap, np.array([s.area for s in shapes]), np.array([s.area for s in true_shapes])
