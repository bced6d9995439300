"""Orientation of a page, by the confidence of its text after quarter turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ocr.decoding import Hypothesis
from ocr.geometry import CoordinateMap, moved_line, rectify_line
from ocr.inference.text_filter import line_length, reading_confidence
from ocr.types import TextLine

UPRIGHT_CONFIDENCE = 0.75
"""Confidence from which a page counts as upright; validation pages reach 0.71 upside down and 0.63 on their side."""

MAX_SCRIPT_SCORE = -3.5
"""Mean log-odds of another script from which a page is read in other orientations however sure its text is: clear
hands have about -10 upright, and -2.9 and more upside down, with confidences up to 0.88. Of 58 validation pages that
are read surely upright, 55 lie below."""

MIN_GAIN = 0.05
"""Gain of confidence from which a turn is chosen."""

MIN_CONFIDENCE = 0.6
"""Confidence below which no turn is chosen: pictures without text reach it in any orientation."""

MIN_EVIDENCE = 3.0
"""Natural logarithm of the ratio of likelihoods from which a turn is chosen. A page lies upright with odds of about
20 to 1, so a short word must read far better when turned (`NO` reads as `ON`), a page of text only a little."""

LOWEST_CONFIDENCE = 0.2
"""Confidence that counts for a position in which nothing was read: one that is improbable, not impossible."""

MAX_LINES = 6
"""Number of lines, the longest of the page, that are read in each orientation."""


def reads_well(lines: Sequence[TextLine]) -> bool:
    """Return True where lines read so surely, and so much like language, that no other orientation need be tried."""
    scores = [line.script_score for line in lines if line.text]
    is_language = not any(scores) or float(np.mean(scores)) < MAX_SCRIPT_SCORE
    return is_language and reading_confidence(lines) >= UPRIGHT_CONFIDENCE


def quarter_turns(
    image: np.ndarray,
    lines: Sequence[TextLine],
    *,
    find: Callable[[np.ndarray], list[TextLine]],
    read: Callable[[list[np.ndarray]], list[Hypothesis]],
) -> int:
    """Find the number of quarter turns counter-clockwise, 0 to 3, that put a page upright; 0 where in doubt.

    Args:
        image: uint8 (h, w, 3) RGB. lines: found on it as it is, and read.
        find: finds lines on a page. read: reads crops of lines.
    """
    level = _longest(lines)
    on_side = np.ascontiguousarray(np.rot90(image))
    crops = _crops(image, level)
    side_crops = _crops(on_side, _longest(find(on_side)))
    # A line crop upside down is the crop of the same line on the page upside down.
    groups = [side_crops, [_half_turn(crop) for crop in crops], [_half_turn(crop) for crop in side_crops]]
    readings = iter(read([crop for group in groups for crop in group]))
    scores, characters = [reading_confidence(level)], [0]
    for group in groups:
        found = [next(readings) for _ in group]
        widths = [crop.shape[1] for crop in group]
        confidences = [reading.confidence for reading in found]
        scores.append(float(np.average(confidences, weights=widths)) if group else 0.0)
        characters.append(sum(len(reading.text) for reading in found))
    best = int(np.argmax(scores))
    if scores[best] < max(scores[0], MIN_CONFIDENCE) + MIN_GAIN:
        return 0
    evidence = characters[best] * np.log(scores[best] / max(scores[0], LOWEST_CONFIDENCE))
    return best if evidence >= MIN_EVIDENCE else 0


def turned_back(lines: Sequence[TextLine], size: tuple[int, int], turns: int) -> list[TextLine]:
    """Map lines found after `turns` quarter turns to where they are on the page of `size` (height, width)."""
    to_page = CoordinateMap.rotate90(size, turns).inverse
    return [moved_line(line, to_page) for line in lines]


def _longest(lines: Sequence[TextLine]) -> list[TextLine]:
    return sorted(lines, key=line_length, reverse=True)[:MAX_LINES]


def _crops(image: np.ndarray, lines: Sequence[TextLine]) -> list[np.ndarray]:
    return [rectify_line(image, line.polygon, line.baseline).image for line in lines]


def _half_turn(crop: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(crop[::-1, ::-1])
