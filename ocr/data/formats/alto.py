"""ALTO XML, versions 2 to 4 (Library of Congress)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from lxml import etree

from ocr.data.formats.annotated import NO_OUTLINE, PageAnnotation
from ocr.data.formats.page_lines import PageLines
from ocr.data.formats.xml import local_name, number, page_size, parse_xml, points
from ocr.data.pages.outline import as_baseline, as_polygon
from ocr.errors import DataError
from ocr.types import Page, TextLine, Word

_KINDS = ("handwritten", "typed", "print")


def alto_pages(path: Path) -> list[PageAnnotation]:
    """The pages of an ALTO file with their lines and words as they come; `source` is the image's file name.

    Coordinates are in the file's own unit, as are the page's height and width, so a file measured in tenths of
    a millimetre comes into pixels by scaling to the image (`PageLines` does). A line's text is its strings and
    spaces, with the hyphen of <HYP>. A line with a baseline alone gets an outline of the usual height. A line without
    either is left out, and the page is then not `complete`.

    Raises:
        DataError: not ALTO, without pages, or with a page without a size.
    """
    root, elements = _page_elements(path)
    source = (root.findtext("{*}Description/{*}sourceImageInformation/{*}fileName") or "").strip()
    labels = {tag.get("ID"): tag.get("LABEL", "") for tag in root.iterfind("{*}Tags/*") if local_name(tag)}
    pages = []
    for element in elements:
        try:
            height, width = _size(element)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        given = _image_number(element)
        annotated = PageAnnotation(path, Page(source, height, width, number=given or 1), given)
        lines = []
        for line in element.iterfind(".//{*}TextLine"):
            try:
                lines.append(_line(line, labels))
            except DataError as error:
                annotated.leave_out(line.get("ID", ""), error)
        annotated.add_lines(lines)
        pages.append(annotated)
    return pages


def _page_elements(path: Path) -> tuple[etree._Element, list[etree._Element]]:
    root = parse_xml(path, root="alto")
    pages = root.findall("{*}Layout/{*}Page")
    if not pages:
        raise DataError(f"{path}: expected one <Page>, found 0")
    return root, pages


def _image_number(page: etree._Element) -> int | None:
    """Number of the page within the image file; the 0 of kraken means none."""
    value = page.get("PHYSICAL_IMG_NR", "").strip()
    return (int(value) or None) if value.isdecimal() and len(value) < 10 else None


def _size(page: etree._Element) -> tuple[int, int]:
    # WIDTH and HEIGHT are optional on Page; its print space then gives the size.
    space = page.find("{*}PrintSpace")
    return page_size(page if page.get("WIDTH") or space is None else space, "HEIGHT", "WIDTH")


def _line(element: etree._Element, labels: dict[str, str]) -> TextLine:
    baseline = _baseline(element)
    polygon = _line_outline(element, baseline)
    text, words = _content(element)
    tags = [labels.get(reference, "").lower() for reference in element.get("TAGREFS", "").split()]
    if isinstance(baseline, float):
        left, right = polygon[:, 0].min(), polygon[:, 0].max()
        baseline = np.array([(left, baseline), (right, baseline)], np.float32)
    return TextLine(
        polygon=polygon,
        baseline=as_baseline(baseline, polygon) if len(polygon) else baseline,
        text=text,
        confidence=float(np.mean([word.confidence for word in words])) if words else 0.0,
        words=words,
        kind=next((tag for tag in tags if tag in _KINDS), ""),
        id=element.get("ID", ""),
    )


def _content(line: etree._Element) -> tuple[str, list[Word]]:
    text, words, pending, spaced = "", [], False, line.find("{*}SP") is not None
    for child in line:
        match local_name(child):
            case "String":
                content = child.get("CONTENT", "")
                # Some writers leave <SP> out altogether: their strings are words.
                text += (" " if pending and not spaced else "") + content
                pending = True
                if content.strip() and _has_outline(child):
                    confidence = number(child, "WC") if child.get("WC") else 0.0
                    words.append(Word(content, _outline(child), confidence))
            case "SP":
                text += " "
            case "HYP":
                hyphen = child.get("CONTENT", "-")
                text += "" if text.endswith(hyphen) else hyphen
    return text.strip(), words


def _line_outline(element: etree._Element, baseline: np.ndarray | float | None) -> np.ndarray:
    if isinstance(baseline, np.ndarray) and len(baseline) >= 2 and not _has_outline(element):
        return NO_OUTLINE
    return _outline(element)


def _has_outline(element: etree._Element) -> bool:
    return bool(element.get("HPOS")) or element.find("{*}Shape/{*}Polygon") is not None


def _outline(element: etree._Element) -> np.ndarray:
    polygon = element.find("{*}Shape/{*}Polygon")
    found = None if polygon is None else points(polygon.get("POINTS"))
    if found is not None:
        return as_polygon(found)
    x, y, w, h = (number(element, key) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return as_polygon([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])


def _baseline(element: etree._Element) -> np.ndarray | float | None:
    """Points, or one height, as versions before 4 have it."""
    value = element.get("BASELINE", "")
    try:
        height = float(value)
    except ValueError:
        return points(value)
    return height if math.isfinite(height) else None


class AltoLines(PageLines):
    """Transcribed lines of ALTO files, cut from their page images and straightened; see `PageLines`."""

    format_name = "alto"
    read_pages = staticmethod(alto_pages)
