"""Lines that a person draws, joins or splits on a page; their numbers follow those of the lines that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image
from shapely.geometry import MultiPoint, Polygon, box
from shapely.geometry.polygon import orient

from ocr.demo.reading import CROP_HEIGHT, page_image
from ocr.demo.session import MissingError, Upload, UploadPage
from ocr.errors import DataError, OcrError
from ocr.geometry import CoordinateMap, rectify_line, to_shapely
from ocr.geometry.rectify import baseline_from_polygon
from ocr.inference.orientation import turned_back
from ocr.inference.reader import CutPage, Reader
from ocr.types import Page, TextLine

MIN_SIDE = 4.0
"""Pixels; smaller outlines are slips of the hand."""

MAX_POINTS = 200
"""Points of an outline that is drawn."""


def new_lines(sheet: UploadPage, wanted: object) -> tuple[list[TextLine], list[int]]:
    """Make the lines that a request wants, and the numbers of the lines that they replace.

    Args:
        wanted: an object with `points` of an outline on the upright page, numbers of lines to `join`, or the number
            of a line to `split` at a share `at` of its length.
    Raises:
        OcrError: it is none of these. MissingError: there is no such line.
    """
    page = sheet.result()
    if not isinstance(wanted, dict):
        raise OcrError("expected an object with points, join or split")
    if "points" in wanted:
        return [outline(page, wanted["points"])], []
    replaced = check_order(sheet, wanted.get("join", [wanted.get("split")]))
    if not set(replaced) <= set(sheet.order):
        raise MissingError("a line is no longer on the page")
    if "join" not in wanted:
        return split(page, sheet.line(replaced[0]), wanted.get("at")), replaced
    if len(replaced) < 2:
        raise OcrError("join: expected two lines or more")
    return [joined(page, [sheet.line(number) for number in replaced])], replaced


def outline(page: Page, points: object) -> TextLine:
    """Make a line from an outline [[x, y], ...] on the upright page. Raises OcrError where it is none."""
    try:
        polygon = np.asarray(points, np.float32).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise OcrError("points: expected [[x, y], ...]") from error
    if not 3 <= len(polygon) <= MAX_POINTS or not np.isfinite(polygon).all():
        raise OcrError(f"points: expected 3 to {MAX_POINTS} finite points")
    width, height = _upright_size(page)
    polygon = polygon.clip(0, (width, height))
    if np.ptp(polygon, axis=0).min() < MIN_SIDE:
        raise OcrError("the outline is too small for a line")
    return _from_upright(page, TextLine(polygon, baseline_from_polygon(polygon)))


def joined(page: Page, lines: Sequence[TextLine]) -> TextLine:
    """Join lines to one, from left to right on the upright page."""
    upright = sorted((_to_upright(page, line) for line in lines), key=lambda line: line.polygon[:, 0].mean())
    points = np.concatenate([line.polygon for line in upright])
    hull = _ring(MultiPoint(points).convex_hull)
    baseline = np.concatenate([line.baseline for line in upright])
    # Where the lines overlap, the baseline would go back and forth.
    forward = np.concatenate([[True], baseline[1:, 0] > np.maximum.accumulate(baseline[:, 0])[:-1]])
    return _from_upright(page, TextLine(hull, baseline[forward]))


def split(page: Page, line: TextLine, at: object) -> list[TextLine]:
    """Split a line at a share of its length, 0 to 1. Raises OcrError where a part would be empty."""
    if type(at) not in (int, float) or not 0 < at < 1:
        raise OcrError("at: expected a number between 0 and 1")
    pixels = np.broadcast_to(np.uint8(0), (page.height, page.width))
    crop = rectify_line(pixels, line.polygon, line.baseline, height=CROP_HEIGHT)
    straight = to_shapely(crop.to_crop(line.polygon))
    cut = at * crop.image.shape[1]
    left, _, right, _ = straight.bounds
    if not left + MIN_SIDE < cut < right - MIN_SIDE:
        raise OcrError("a line is split between its ends")
    baseline = crop.to_crop(line.baseline)
    parts = []
    for start, end in ((left - 1, cut), (cut, right + 1)):
        part = straight.intersection(box(start, -1e6, end, 1e6)).convex_hull
        columns = np.unique(np.clip([start, end, *baseline[:, 0]], max(start, left), min(end, right)))
        below = np.column_stack([columns, np.interp(columns, baseline[:, 0], baseline[:, 1])])
        parts.append(TextLine(crop.to_page(_ring(part)), crop.to_page(below)))
    return parts


def add_lines(
    reader: Reader, document: Upload, sheet: UploadPage, lines: Sequence[TextLine], *, first: int
) -> list[TextLine]:
    """Read new lines of a page, write their pictures, and return them; their numbers begin at `first`.

    Raises:
        ImageError: the page cannot be decoded. DataError: an outline has no extent. OSError: the disk is full.
    """
    pixels = page_image(document, sheet.number).pixels
    crops = [rectify_line(pixels, line.polygon, line.baseline, height=CROP_HEIGHT) for line in lines]
    # Read from crops of the usual height, as the other lines of the page.
    page = CutPage.from_lines(pixels, [replace(line) for line in lines])
    reader.recognize([page])
    for number, crop in enumerate(crops, start=first):
        Image.fromarray(crop.image).save(sheet.crop(number), compress_level=1)
    return page.lines


def place_in_order(sheet: UploadPage, line: TextLine) -> int:
    """Return the index in the reading order at which a new line belongs: after the lines of its column above it."""
    page = sheet.result()
    new = _to_upright(page, line).polygon
    index = 0
    for place, each in enumerate(page.lines, start=1):
        other = _to_upright(page, each).polygon
        beside = other[:, 0].min() < new[:, 0].max() and new[:, 0].min() < other[:, 0].max()
        if beside and other[:, 1].mean() < new[:, 1].mean():
            index = place
    return index


def check_order(sheet: UploadPage, order: object) -> list[int]:
    """Check a reading order, numbers of lines, each once. Raises OcrError."""
    if not isinstance(order, list) or not all(type(number) is int for number in order):
        raise OcrError("order: expected a list of numbers of lines")
    if len(set(order)) != len(order):
        raise OcrError("order: a line can be in it once")
    for number in order:
        if not 0 <= number < sheet.next_number:
            raise MissingError(f"page {sheet.number} has no line {number + 1}")
    return order


def _ring(polygon: Polygon) -> np.ndarray:
    """Return the corners of a polygon, (n, 2) float32, clockwise on screen."""
    return np.array(orient(polygon, 1.0).exterior.coords[:-1], np.float32)


def _upright_size(page: Page) -> tuple[int, int]:
    """Return the (width, height) of the upright page."""
    return (page.height, page.width) if page.rotation % 180 else (page.width, page.height)


def _to_upright(page: Page, line: TextLine) -> TextLine:
    upright = CoordinateMap.rotate90((page.height, page.width), page.rotation // 90)
    return TextLine(upright.apply(line.polygon), upright.apply(line.baseline))


def _from_upright(page: Page, line: TextLine) -> TextLine:
    if not np.isfinite(line.polygon).all() or np.ptp(line.polygon, axis=0).max() < 1:
        raise DataError("the outline has no extent")
    (found,) = turned_back([line], (page.height, page.width), page.rotation // 90)
    return found
