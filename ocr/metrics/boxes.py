"""Metrics of detection and of reading order: found and missed regions, and pairs in the wrong order.

Counts are summed over pages, then divided. `precision`, `recall`, `f1` and order errors are
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
"""Share of a true region that a prediction must cover to count as a part of it; slivers do not."""

WHOLE_SHARE = 0.8
"""Share from which a single prediction covers all of a region."""

MIN_FILLED_SHARE = 0.4
"""Share of a prediction that the regions it merges must fill; a blot over half of a page merges no regions."""


@dataclass(frozen=True)
class DetectionCounts(_Additive):
    """Found and missed regions, additive over pages."""

    matched: int = 0
    truth: int = 0
    predicted: int = 0
    """Predictions on completely annotated pages, without those in ignored areas."""
    correct: int = 0
    """Those of `predicted` that match; on incompletely annotated pages, an unmatched prediction may be right."""
    over_segmented: int = 0
    """True regions that are cut into two or more predictions, see `segmentation_errors`."""
    under_segmented: int = 0
    """Predictions that merge two or more true regions."""

    @property
    def recall(self) -> float:
        """Share of true regions that were found; 1 where there are none."""
        return self.matched / self.truth if self.truth else 1.0

    @property
    def precision(self) -> float:
        """Share of predictions that are right; 1 where there are none."""
        return self.correct / self.predicted if self.predicted else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def match_polygons(
    predicted: Sequence[Polygon], truth: Sequence[Polygon], iou: float = 0.5
) -> list[tuple[int, int]]:
    """Match predictions to true regions one to one by intersection over union.

    The assignment has the most pairs of at least `iou` and, among those, the highest summed overlap.

    Returns:
        (predicted index, true index) pairs, sorted by true index.
    """
    overlap, areas, true_areas = _overlaps(predicted, truth)
    ratio = overlap / np.maximum(areas[:, None] + true_areas[None] - overlap, 1e-9)
    # One more pair outweighs any gain in overlap, which is at most 1 per pair.
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
    """Count the detections of one page.

    Unmatched predictions that lie mostly in `ignore` are not counted. With `complete` False, ink outside `truth` may
    be text, so that the page counts for recall only.
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
    """Find true regions that are cut, and predictions that merge several; returns the indices of both.

    As in the ICDAR 2013 robust reading competition (Wolf and Jolion, Object count/area graphs for the evaluation of
    object detection and segmentation algorithms, 2006) a region is cut where two or more predictions lie mostly
    inside it and together cover it, and a prediction merges where it covers two or more regions that together fill
    it. There, 80 % of a box of print must be covered; here `MIN_COVERED_SHARE` is enough, as outlines of handwriting
    are less certain. A region of which one prediction covers `WHOLE_SHARE` is not cut; further predictions inside it
    are wrong predictions.
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
    """Compute the normalized Kendall tau distance: the fraction of pairs in the wrong order.

    Args:
        ranks: true positions of the matched lines, in the order in which they were read.
    Returns:
        0 for the true order or fewer than two lines, 1 for its reverse (Kendall, A New Measure of Rank Correlation,
        1938).
    """
    ranks = np.asarray(ranks)
    if len(ranks) < 2:
        return 0.0
    wrong = np.triu(ranks[:, None] > ranks[None], k=1).sum()
    return float(wrong / (len(ranks) * (len(ranks) - 1) / 2))


def _overlaps(
    predicted: Sequence[Polygon], truth: Sequence[Polygon]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute intersection areas (p, t), areas (p,) and true areas (t,), all float64."""
    shapes, true_shapes = [to_shapely(p) for p in predicted], [to_shapely(t) for t in truth]
    overlap = np.zeros((len(shapes), len(true_shapes)))
    if shapes and true_shapes:
        for row, column in STRtree(true_shapes).query(shapes, predicate="intersects").T:
            overlap[row, column] = shapes[row].intersection(true_shapes[column]).area
    return overlap, np.array([s.area for s in shapes]), np.array([s.area for s in true_shapes])
