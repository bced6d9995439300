"""A page's places on its image scaled to another size."""

from __future__ import annotations

from dataclasses import replace

from ocr.geometry.lines import moved_line
from ocr.geometry.maps import CoordinateMap
from ocr.types import Page


def resize_page(page: Page, size: tuple[int, int]) -> Page:
    """The page as it lies on its image scaled to `size` (height, width), with that image's resolution; itself where
    that is its size."""
    if size == (page.height, page.width):
        return page
    scale = CoordinateMap.resize((page.height, page.width), size)
    lines = [moved_line(line, scale) for line in page.lines]
    ignore = [scale.apply(polygon) for polygon in page.ignore]
    dpi = page.dpi * size[0] / page.height
    return replace(page, height=size[0], width=size[1], lines=lines, dpi=dpi, ignore=ignore)
