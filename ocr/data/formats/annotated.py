"""Annotated pages as formats give them: lines with usable outlines, and the reasons for which others are left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ocr.data.pages.outline import as_baseline, as_polygon
from ocr.errors import DataError
from ocr.geometry import clip_polygon, line_polygon_from_baseline, min_area_rect
from ocr.geometry.rectify import BASELINE_SHARE
from ocr.types import Baseline, Page, Polygon, TextLine

NO_OUTLINE: Polygon = np.zeros((0, 2), np.float32)
"""Stands for the outline of a line of which only the baseline is annotated."""

_MAX_TURNS = 100
"""Length of an outline in page heights and widths, beyond which it is no outline of text."""

_LINE_SHARE = 0.7
"""Height of a line's outline as a share of the distance between baselines: measured on annotated letters."""

_CHARACTER_SHARE = 0.42
"""Width of a character as a share of the height of its line's outline: measured on annotated letters."""


@dataclass
class PageAnnotation:
    """A page of an annotation file, and what of it cannot be used."""

    file: Path
    page: Page
    image_number: int | None = None
    """1-based page of the image file, of which there may be many; None where the annotation does not say."""
    problems: list[DataError] = field(default_factory=list)
    """One for each line that is left out."""

    def leave_out(self, line_id: str, error: DataError) -> None:
        """Note a line that cannot be used: the page is then not `complete`."""
        self.page.complete = False
        self.problems.append(DataError(f"{self.file}: line {line_id!r}: {error}"))

    def add_lines(self, lines: list[TextLine]) -> None:
        """Add lines to the page, outlines made from baselines where there are none and cut to the page."""
        height = _usual_height(lines)
        for line in lines:
            try:
                if not len(line.polygon):
                    line.polygon = _outline(line.baseline, height or _height_of_text(line, self.page))
                _fit(line, self.page)
            except DataError as error:
                self.leave_out(line.id, error)
            else:
                self.page.lines.append(line)


def _usual_height(lines: list[TextLine]) -> float:
    """Median height of the outlines of a page, else from the distances of its baselines; 0 where neither tells."""
    heights = [min_area_rect(line.polygon).size[0] for line in lines if len(line.polygon)]
    if heights:
        return float(np.median(heights))
    tops = np.sort([line.baseline[:, 1].mean() for line in lines])
    distances = np.diff(tops)
    distances = distances[distances > 4]
    return _LINE_SHARE * float(np.median(distances)) if len(distances) else 0.0


def _height_of_text(line: TextLine, page: Page) -> float:
    length = float(np.linalg.norm(np.diff(line.baseline, axis=0), axis=1).sum())
    return float(np.clip(length / max(len(line.text), 1) / _CHARACTER_SHARE, 4, max(page.height / 2, 4)))


def _outline(baseline: Baseline, height: float) -> Polygon:
    return as_polygon(
        line_polygon_from_baseline(
            baseline, ascent=BASELINE_SHARE * height, descent=(1 - BASELINE_SHARE) * height
        )
    )


def _fit(line: TextLine, page: Page) -> None:
    """Cut a line's outline to its page. Raises DataError for one outside of the page, or larger than any page."""
    size = np.array([page.width, page.height], np.float64)
    low, high = line.polygon.min(axis=0), line.polygon.max(axis=0)
    where = f"x from {low[0]:g} to {high[0]:g}, y from {low[1]:g} to {high[1]:g}"
    told = f"({where}; the page is {page.height} x {page.width}, height x width)"
    if (high <= 0).any() or (low >= size).any():
        raise DataError(f"the outline lies outside of the page {told}")
    if (low < -size.max()).any() or (high > size + size.max()).any():
        raise DataError(f"the outline is larger than the page {told}")
    if _length(line.polygon) > _MAX_TURNS * size.sum():
        raise DataError("the outline is no outline of text: it crosses the page over and over")
    if (low < -1).any() or (high > size + 1).any():
        clipped = clip_polygon(line.polygon, page.height, page.width)
        if len(clipped) < 3:
            raise DataError(f"the outline lies outside of the page {told}")
        line.polygon = as_polygon(clipped)
    if not _usable(line.baseline, size):
        line.baseline = as_baseline(None, line.polygon)


def _usable(baseline: Baseline, size: np.ndarray) -> bool:
    beyond = (baseline < -size.max()).any() or (baseline > size + size.max()).any()
    return not beyond and _length(baseline) <= _MAX_TURNS * size.sum()


def _length(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(points.astype(np.float64), axis=0), axis=1).sum())
