"""Pictures that are a crop of a single line or word: what is found around the line are pieces of its neighbors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr.geometry import bounding_box
from ocr.inference.text_filter import MIN_SINGLE_CONFIDENCE, reading_confidence
from ocr.types import TextLine

MIN_ASPECT = 1.2
"""Ratio of width to height from which a picture may be a crop of a line."""

MIN_HEIGHT_SHARE = 0.35
"""Share of a picture's height that its line covers where it is a crop; three lines in a picture have less each."""

EDGE_SHARE = 0.08
"""Share of a picture's height from its upper and lower edge within which pieces of neighboring lines begin."""

LONG_SHARE = 0.5
"""Length, as a share of that of the line, from which another line away from the edges is one in its own right."""


def crop_row(lines: Sequence[TextLine], size: tuple[int, int]) -> list[TextLine] | None:
    """Select the lines of the row that a crop of `size` (height, width) shows; None for any other picture.

    A crop without a line that was found has an empty row.
    """
    height, width = size
    if width < MIN_ASPECT * height:
        return None
    if not lines:
        return []
    boxes = np.array([bounding_box(line.polygon) for line in lines])
    top, bottom, lengths = boxes[:, 1], boxes[:, 3], boxes[:, 2] - boxes[:, 0]
    # A line that runs up or down is none that a crop shows.
    is_large = (bottom - top > MIN_HEIGHT_SHARE * height) & (bottom - top < lengths)
    in_middle = is_large & (top < height / 2) & (bottom > height / 2)
    if not in_middle.any():
        return None
    main = int(np.argmax(np.where(in_middle, lengths, -1)))
    inset = 0.15 * (bottom[main] - top[main])
    middles = (top + bottom) / 2
    in_row = (middles > top[main] + inset) & (middles < bottom[main] - inset)
    at_edge = (top < EDGE_SHARE * height) | (bottom > (1 - EDGE_SHARE) * height)
    if (~in_row & ~at_edge & (lengths > LONG_SHARE * lengths[main])).any():
        return None
    return [lines[i] for i in np.argsort(boxes[:, 0]) if in_row[i]]


def reads_better_whole(whole: TextLine, row: Sequence[TextLine]) -> bool:
    """Return True where a crop, read as one line, is surer than the lines found in its row."""
    return whole.confidence >= (reading_confidence(row) if row else MIN_SINGLE_CONFIDENCE)
