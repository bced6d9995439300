"""A page's places on its image scaled to another size."""

from __future__ import annotations

from dataclasses import replace

from ocr.geometry.maps import CoordinateMap
from ocr.types import Page, Word


def resize_page(page: Page, size: tuple[int, int]) -> Page:
    """The page as it lies on its image scaled to `size` (height, width), with that image's resolution; itself where
    that is its size."""
    if size == (page.height, page.width):
        return page
    scale = CoordinateMap.resize((page.height, page.width), size).apply

    def word(old: Word) -> Word:
        characters = [replace(item, polygon=scale(item.polygon)) for item in old.characters]
        return replace(old, polygon=scale(old.polygon), characters=characters)

    lines = [
        replace(
            line,
            polygon=scale(line.polygon),
            baseline=scale(line.baseline),
            words=[word(item) for item in line.words],
        )
        for line in page.lines
    ]
    ignore = [scale(polygon) for polygon in page.ignore]
    dpi = page.dpi * size[0] / page.height
    return replace(page, height=size[0], width=size[1], lines=lines, dpi=dpi, ignore=ignore)
