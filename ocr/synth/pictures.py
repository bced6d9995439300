"""Synthetic lines and pages as pictures to look at, and lines as a folder of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ocr.image.encode import encode_png
from ocr.synth.line import SynthLine
from ocr.synth.page import SynthPage


def write_sheet(samples: list[SynthLine], out: Path, *, boxes: bool = False) -> None:
    """Write lines below each other as one picture; `boxes` draws characters, words and the baseline on top."""
    width = max(sample.image.shape[1] for sample in samples)
    rows = [_row(sample, width, boxes=boxes) for sample in samples]
    out.write_bytes(encode_png(np.vstack(rows)))


def _row(sample: SynthLine, width: int, *, boxes: bool, gap: int = 6) -> np.ndarray:
    picture = cv2.cvtColor(sample.image, cv2.COLOR_GRAY2BGR)
    if boxes:
        for _, (x0, y0, x1, y1) in sample.characters:
            cv2.rectangle(picture, (round(x0), round(y0)), (round(x1), round(y1)), (230, 120, 0), 1)
        for _, (x0, y0, x1, y1) in sample.words:
            cv2.rectangle(picture, (round(x0), round(y0)), (round(x1), round(y1)), (0, 0, 230), 1)
        cv2.polylines(picture, [sample.baseline.round().astype(np.int32)], False, (0, 170, 0), 1)
    margins = (gap // 2, gap // 2, 0, width - picture.shape[1])
    return cv2.copyMakeBorder(picture, *margins, cv2.BORDER_CONSTANT, value=(128, 128, 128))


def write_folder(samples: Iterator[SynthLine], out: Path) -> None:
    """Write PNG files and `labels.tsv`: a row per line with its file name, a tab and its text."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "labels.tsv").open("w", encoding="utf-8") as labels:
        for index, sample in enumerate(samples):
            name = f"{index:06d}.png"
            (out / name).write_bytes(encode_png(sample.image))
            labels.write(f"{name}\t{sample.text}\n")


def draw_page(sample: SynthPage) -> np.ndarray:
    """Draw the characters, words, lines, baselines and ignored areas of a page on it.

    Returns:
        uint8 (h, w, 3) RGB.
    """
    picture = sample.image.copy()

    def outline(polygon: np.ndarray, color: tuple[int, int, int], *, closed: bool = True) -> None:
        points = np.round((polygon - 0.5) * 16).astype(np.int32)
        cv2.polylines(picture, [points], closed, color, 1, cv2.LINE_AA, 4)

    for character in (quad for word in sample.character_polygons for quad in word):
        outline(character, (255, 190, 0))
    for line in sample.page.lines:
        for word in line.words:
            outline(word.polygon, (0, 110, 255))
        outline(line.polygon, (230, 0, 0))
        outline(line.baseline, (0, 170, 0), closed=False)
    for area in sample.page.ignore:
        outline(area, (220, 0, 220))
    return picture


def write_pages(pictures: list[np.ndarray], out: Path, *, cell: int = 900) -> None:
    """Write pages side by side as one picture.

    Each is scaled to fit a square of `cell` pixels; a single page keeps its size.
    """
    if len(pictures) == 1:
        out.write_bytes(encode_png(pictures[0][..., ::-1]))
        return
    columns = int(np.ceil(np.sqrt(len(pictures))))
    contact = np.full((-(-len(pictures) // columns) * cell, columns * cell, 3), 128, np.uint8)
    for index, picture in enumerate(pictures):
        scale = (cell - 8) / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top, left = index // columns * cell, index % columns * cell
        contact[top : top + small.shape[0], left : left + small.shape[1]] = small
    out.write_bytes(encode_png(contact[..., ::-1]))
