"""Grouping of words to lines, for detectors and columns that hold words instead of lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ocr.geometry import RectifiedLine, RotatedRect, rectify_line
from ocr.inference.reader import CutPage
from ocr.spark.regions import rotated_rect, straight_line
from ocr.spark.worker import Row
from ocr.types import TextLine

PAPER = 255
"""Gray value between words put side by side."""


@dataclass(frozen=True)
class WordGrouping:
    """Settings of the grouping of words to lines.

    `tolerance`: a word belongs to a line when their middles differ by at most this many pixels in height.
    `border`: pixels added around each word. `space`: white columns between words put side by side, in a line
    image 64 pixels high. `together`: read a line's words as one image; otherwise each by itself.
    """

    tolerance: int
    border: int
    space: int
    together: bool

    def cut(self, image: np.ndarray, regions: Sequence[Row]) -> tuple[CutPage, list[int]]:
        """Cut words out of uint8 (h, w, 3) RGB pixels.

        Returns the images to read and how many of them make up each line of text, from the top down.

        Raises:
            DataError: a region without extent.
        """
        lines: list[TextLine] = []
        crops: list[RectifiedLine] = []
        counts = []
        for row in self.rows(regions):
            # One height for all, or words without long letters would be read at a larger scale.
            height = max(region["height"] for region in row)
            words = [self._outline(region, height) for region in row]
            cut = [rectify_line(image, word.polygon, word.baseline) for word in words]
            if self.together:
                words, cut = [join(words)], [side_by_side(cut, self.space)]
            lines += words
            crops += cut
            counts.append(len(words))
        return CutPage(image.shape[:2], lines, crops), counts

    def rows(self, regions: Sequence[Row]) -> list[list[Row]]:
        """Regions as lines from top to bottom, words in them from left to right."""
        rows: list[list[Row]] = []
        level = 0.0
        for region in sorted(regions, key=_middle):
            if rows and _middle(region) - level <= self.tolerance:
                rows[-1].append(region)
            else:
                rows.append([region])
            level = float(np.mean([_middle(word) for word in rows[-1]]))
        return [sorted(row, key=lambda region: region["x"]) for row in rows]

    def _outline(self, region: Row, height: float) -> TextLine:
        rect = rotated_rect(region)
        size = height + 2 * self.border, rect.size[1] + 2 * self.border
        return straight_line(RotatedRect(rect.center, size, rect.angle), region.get("score") or 0.0)


def join(words: Sequence[TextLine]) -> TextLine:
    """One line of words from left to right: outlines, text and confidence together."""
    if len(words) == 1:
        return words[0]
    read = [word for word in words if word.text]
    middle = len(words[0].polygon) // 2
    upper = np.concatenate([word.polygon[:middle] for word in words])
    lower = np.concatenate([word.polygon[middle:] for word in reversed(words)])
    return TextLine(
        polygon=np.concatenate([upper, lower]),
        baseline=np.concatenate([word.baseline for word in words]),
        text=" ".join(word.text for word in read),
        confidence=float(np.mean([word.confidence for word in read])) if read else 0.0,
        words=[part for word in read for part in word.words],
        detection_score=float(np.mean([word.detection_score for word in words])),
    )


def side_by_side(crops: Sequence[RectifiedLine], space: int) -> RectifiedLine:
    """Word crops, all of the same height, as one line image with `space` white columns between them."""
    if len(crops) == 1:
        return crops[0]
    height = crops[0].image.shape[0]
    gap = np.full((height, space, 3), PAPER, np.uint8)
    parts = [part for crop in crops for part in (gap, crop.image)][1:]
    widths = np.array([crop.image.shape[1] for crop in crops])
    starts = np.cumsum(widths + space) - widths - space
    end = float(starts[-1] + widths[-1])

    def to_page(points: np.ndarray) -> np.ndarray:
        points = np.asarray(points, np.float32).reshape(-1, 2)
        owners = np.clip(np.searchsorted(starts, points[:, 0], side="right") - 1, 0, None)
        mapped = [
            crops[i].to_page(point[None] - (starts[i], 0)) for i, point in zip(owners, points, strict=True)
        ]
        return np.concatenate(mapped)

    def to_crop(points: np.ndarray) -> np.ndarray:
        # Nothing but the line is in the image: whatever outline is asked for, it fills it.
        return np.array([(0, 0), (end, 0), (end, height), (0, height)], np.float32)

    return RectifiedLine(np.hstack(parts), to_page, to_crop)


def _middle(region: Row) -> float:
    return region["y"] + region["height"] / 2
