"""Text laid out as on the page, with spaces and empty lines."""

from __future__ import annotations

from statistics import median

from ocr.geometry import bounding_box
from ocr.types import Page, TextLine

MIN_COLUMN_WIDTH = 1.0
"""Pixels that a column of characters is wide at least."""


def formatted_text(page: Page) -> str:
    """Lines side by side share a row, and a gap of more than a row and a half leaves one empty."""
    lines = [line for line in page.lines if line.text]
    if not lines:
        return ""
    boxes = {id(line): bounding_box(line.polygon) for line in lines}
    left = min(box[0] for box in boxes.values())
    widths = [(boxes[id(line)][2] - boxes[id(line)][0]) / len(line.text) for line in lines]
    column = max(median(widths), MIN_COLUMN_WIDTH)
    height = median([box[3] - box[1] for box in boxes.values()])

    def middle(line: TextLine) -> float:
        return (boxes[id(line)][1] + boxes[id(line)][3]) / 2

    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=middle):
        if rows and middle(line) - middle(rows[-1][0]) < height / 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    steps = [middle(below[0]) - middle(above[0]) for above, below in zip(rows, rows[1:], strict=False)]
    step = median(steps) if steps else 0.0
    text: list[str] = []
    for number, row in enumerate(rows):
        if number and steps[number - 1] > 1.5 * step:
            text.append("")
        filled = ""
        for line in sorted(row, key=lambda line: boxes[id(line)][0]):
            start = round((boxes[id(line)][0] - left) / column)
            filled = filled.ljust(max(start, len(filled) + 1 if filled else 0)) + line.text
        text.append(filled)
    return "\n".join(text)
