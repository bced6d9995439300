"""PAGE XML, any version from 2009 to 2019 (Pletschacher & Antonacopoulos 2010)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from lxml import etree

from ocr.data.formats.annotated import NO_OUTLINE, PageAnnotation
from ocr.data.formats.page_lines import PageLines
from ocr.data.formats.xml import local_name, number, page_size, parse_xml, points
from ocr.data.pages.outline import as_baseline, as_polygon
from ocr.errors import DataError
from ocr.types import Page, TextLine, Word

_PAGE_NUMBER = re.compile(r"\bpage\s*\{[^}]*\bnumber\s*:\s*(\d{1,9})\b")
"""In the attribute `custom` of <Page>, as `ocr.output.page_xml` writes it."""

_MAX_DIGITS = 18
"""Of a number of the reading order."""

_KINDS = {
    "handwritten-cursive": "handwritten",
    "handwritten-printscript": "handwritten",
    "medieval-manuscript": "handwritten",
    "typewritten": "typed",
    "printed": "print",
}


def page_xml_pages(path: Path) -> list[PageAnnotation]:
    """The page of a PAGE XML file, its lines in reading order; `source` is the image's file name.

    Of several transcriptions of a line the one with the lowest index is taken; a line without any takes its
    words', and a word its glyphs'. A line with a baseline alone gets an outline of the usual height. A line without
    either is left out, and the page is then not `complete`.

    Raises:
        DataError: not PAGE XML, or without the image's size.
    """
    root = parse_xml(path, root="PcGts")
    page_element = root.find("{*}Page")
    if page_element is None:
        raise DataError(f"{path}: no <Page>")
    try:
        height, width = page_size(page_element, "imageHeight", "imageWidth")
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    match = _PAGE_NUMBER.search(page_element.get("custom", ""))
    given = int(match.group(1)) if match else None
    page = Page(page_element.get("imageFilename", ""), height, width, number=given or 1)
    annotated = PageAnnotation(path, page, given)
    lines = []
    for element in _line_elements(page_element):
        try:
            lines.append(_line(element))
        except DataError as error:
            annotated.leave_out(element.get("id", ""), error)
    annotated.add_lines(lines)
    return [annotated]


def _line_elements(page: etree._Element) -> list[etree._Element]:
    """Text lines, wherever they are, such as in cells of tables: those of regions that <ReadingOrder> names come
    first, the rest as they come."""
    rank: dict[str, int] = {}
    for group in page.iterfind("{*}ReadingOrder/*"):
        for reference in _references(group):
            rank.setdefault(reference, len(rank))
    elements = list(page.iterfind(".//{*}TextLine"))
    places: dict[etree._Element, int] = {}
    for element in elements:
        region = element.getparent()
        if region not in places:
            named = (rank[at.get("id", "")] for at in _around(region) if at.get("id", "") in rank)
            places[region] = next(named, len(rank))
    return sorted(elements, key=lambda element: places[element.getparent()])


def _around(element: etree._Element) -> Iterator[etree._Element]:
    """An element and those that it lies in, from the inside."""
    yield element
    yield from element.iterancestors()


def _references(group: etree._Element) -> Iterator[str]:
    """Regions that a group of <ReadingOrder> names, in its order."""
    # A stack of its own: documents may be nested deeper than functions can be.
    waiting = [group]
    while waiting:
        element = waiting.pop()
        if element.get("regionRef"):
            yield element.get("regionRef")
        children = [child for child in element if local_name(child)]
        if local_name(element).startswith("OrderedGroup"):
            last = len(children)
            children.sort(key=lambda child: _index(child, default=last))
        waiting += reversed(children)


def _line(element: etree._Element) -> TextLine:
    baseline = _points_of(element.find("{*}Baseline"))
    polygon = _outline(element, baseline)
    words, spelled = [], []
    for word in element.iterfind("{*}Word"):
        text, confidence = _text(word)
        if not text:
            text, confidence = _spelled(word)
        if not text:
            continue
        spelled.append(text)
        coordinates = _points_of(word.find("{*}Coords"))
        if coordinates is not None:
            words.append(Word(text, as_polygon(coordinates), confidence))
    text, confidence = _text(element)
    production = _production(element)
    return TextLine(
        polygon=polygon,
        baseline=as_baseline(baseline, polygon) if len(polygon) else baseline,
        text=text or " ".join(spelled),
        confidence=confidence,
        words=words,
        kind=_KINDS.get(production, ""),
        id=element.get("id", ""),
    )


def _production(line: etree._Element) -> str:
    return line.get("production") or line.getparent().get("production") or ""


def _outline(element: etree._Element, baseline: np.ndarray | None) -> np.ndarray:
    found = _points_of(element.find("{*}Coords"))
    if (found is None or len(found) < 3) and baseline is not None and len(baseline) > 1:
        return NO_OUTLINE
    if found is None:
        raise DataError("no outline")
    return as_polygon(found)


def _points_of(element: etree._Element | None) -> np.ndarray | None:
    if element is None:
        return None
    if element.get("points") is not None:
        return points(element.get("points"))
    # Versions before 2013 have <Point x= y=/> children.
    listed = [(number(point, "x"), number(point, "y")) for point in element.iterfind("{*}Point")]
    return np.array(listed, np.float32) if listed else None


def _text(element: etree._Element) -> tuple[str, float]:
    alternatives = sorted(element.iterfind("{*}TextEquiv"), key=lambda equiv: _index(equiv, default=-1))
    if not alternatives:
        return "", 0.0
    best = alternatives[0]
    text = best.findtext("{*}Unicode") or best.findtext("{*}PlainText") or ""
    return text.strip(), number(best, "conf") if best.get("conf") else 0.0


def _spelled(word: etree._Element) -> tuple[str, float]:
    """A word of which only the glyphs are transcribed, and their mean confidence."""
    glyphs = [_text(glyph) for glyph in word.iterfind("{*}Glyph")]
    text = "".join(text for text, _ in glyphs)
    return text, sum(confidence for _, confidence in glyphs) / len(glyphs) if glyphs else 0.0


def _index(element: etree._Element, *, default: int) -> int:
    value = element.get("index", "")
    # Python converts no number of thousands of digits, and some characters count as digits that are none of a number.
    return int(value) if value.isdecimal() and len(value) <= _MAX_DIGITS else default


class PageXmlLines(PageLines):
    """Transcribed lines of PAGE XML files, cut from their page images and straightened; see `PageLines`."""

    format_name = "page-xml"
    read_pages = staticmethod(page_xml_pages)
