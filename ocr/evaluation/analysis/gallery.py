"""Gallery of pages with the lines that a detector finds on them, numbered in reading order.

Blue: found; orange: found where no line is annotated; red: annotated and missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocr.evaluation.pages import page_rates, score_page
from ocr.geometry import to_shapely
from ocr.inference.detector import LineFinder
from ocr.metrics.boxes import match_polygons
from ocr.types import Page, Polygon, TextLine

FOUND, EXTRA, MISSED = (0, 114, 178), (230, 120, 0), (204, 0, 0)

MAX_SIDE, QUALITY = 900, 72
"""Longer side of a picture in pixels, and its JPEG quality."""


@dataclass
class Exhibit:
    """A page, uint8 (h, w, 3) RGB, its annotation, the lines found on it, and their score."""

    title: str
    source: str
    image: np.ndarray
    truth: Page
    lines: list[TextLine]
    rates: dict[str, float | None]

    @property
    def quality(self) -> float:
        """F1, or recall where the annotation is not complete."""
        return self.rates["recall"] if self.rates["f1"] is None else self.rates["f1"]


def examine(title: str, source: str, page: tuple[np.ndarray, Page], finder: LineFinder) -> Exhibit:
    """Detect the lines of a page and score them."""
    image, truth = page
    lines = finder.find(image)
    counts = score_page(lines, truth, with_text=False)
    return Exhibit(title, source, image, truth, lines, page_rates([counts], with_text=False))


def choose(pages: Sequence[Exhibit], *, worst: int, others: int) -> list[Exhibit]:
    """Choose the `worst` pages, then `others` of the rest: of each source in turn, those of median quality first."""
    ranked = sorted(pages, key=lambda page: page.quality)
    chosen, rest = ranked[:worst], ranked[worst:][::-1]
    sources = sorted({page.source for page in rest})
    by_source = {name: _from_the_middle([page for page in rest if page.source == name]) for name in sources}
    while len(chosen) < worst + others and any(by_source.values()):
        for name in sources:
            if by_source[name] and len(chosen) < worst + others:
                chosen.append(by_source[name].pop(0))
    return chosen


def _from_the_middle(pages: list[Exhibit]) -> list[Exhibit]:
    """Sort pages by their distance from the median quality, as those show the typical result."""
    order = sorted(range(len(pages)), key=lambda place: abs(place - len(pages) // 2))
    return [pages[place] for place in order]


def draw(exhibit: Exhibit) -> Image.Image:
    """Draw a page with the detected lines and their numbers, and the missed ones."""
    picture = Image.fromarray(exhibit.image).convert("RGB")
    scale = min(1.0, MAX_SIDE / max(picture.size))
    picture = picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
    )
    canvas, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    found = [line.polygon for line in exhibit.lines]
    true = [line.polygon for line in exhibit.truth.lines]
    pairs = match_polygons(found, true)
    hits, seen = {row for row, _ in pairs}, {column for _, column in pairs}
    for number, outline in enumerate(true):
        if number not in seen:
            _outline(canvas, outline * scale, MISSED)
    for number, outline in enumerate(found):
        wrong = number not in hits and exhibit.truth.complete and not _ignored(outline, exhibit.truth)
        color = EXTRA if wrong else FOUND
        _outline(canvas, outline * scale, color)
        x, y = (outline * scale).min(axis=0)
        corner = max(0.0, float(x) - 18), float(y)
        canvas.rectangle(canvas.textbbox(corner, str(number + 1), font=font), fill=color)
        canvas.text(corner, str(number + 1), fill="white", font=font)
    return picture


def _ignored(outline: Polygon, truth: Page) -> bool:
    shape = to_shapely(outline)
    return any(shape.intersection(to_shapely(area)).area > 0.5 * shape.area for area in truth.ignore)


def _outline(canvas: ImageDraw.ImageDraw, polygon: Polygon, color: tuple[int, int, int]) -> None:
    points = [(float(x), float(y)) for x, y in polygon]
    canvas.line([*points, points[0]], fill=color, width=2)


def write_gallery(exhibits: Sequence[Exhibit], folder: Path, *, command: str) -> None:
    """Write the pictures as JPEG files, and a README.md. Raises OSError if the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        "# Pages and the lines found on them",
        "Blue: found, numbered in the order in which they are read; orange: found where the annotation has no such "
        "line; red: annotated and missed. Where not everything is annotated, what is found elsewhere counts for "
        "nothing.",
        f"    {command}",
    ]
    for number, exhibit in enumerate(exhibits, start=1):
        name = f"{number:02d}.jpg"
        draw(exhibit).save(folder / name, quality=QUALITY, optimize=True)
        rates = exhibit.rates
        precision = "not known" if rates["precision"] is None else f"{rates['precision']:.2f}"
        parts += [
            f"## {number}. {exhibit.title}",
            f"{rates['lines']} lines annotated; recall {rates['recall']:.2f}, precision {precision}, pairs of lines "
            f"in the wrong order {100 * rates['order_error']:.1f} %.",
            f"![{exhibit.title}]({name})",
        ]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
