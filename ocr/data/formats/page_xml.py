"""PAGE XML, any version from 2009 to 2019 (Pletschacher & Antonacopoulos 2010)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from lxml import etree

from ocr.data.formats.page_lines import PageLines
from ocr.data.formats.xml import local_name, number, parse_xml, points
from ocr.data.pages.outline import as_baseline, as_polygon
from ocr.errors import DataError
from ocr.geometry.rectify import PAD
from ocr.types import Page, TextLine, Word

log = logging.getLogger(__name__)

_KINDS = {
    "handwritten-cursive": "handwritten",
    "handwritten-printscript": "handwritten",
    "medieval-manuscript": "handwritten",
    "typewritten": "typed",
    "printed": "print",
}


class PageXmlLines(PageLines):
    """Transcribed lines of PAGE XML files, cut from their page images and straightened; see `PageLines`."""

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        images: str | Path | None = None,
        height: int = 64,
        pad: float = PAD,
        normalize: bool = True,
        language: str = "",
        name: str = "page-xml",
    ) -> None:
        super().__init__(
            paths,
            read_page_xml,
            images=images,
            height=height,
            pad=pad,
            normalize=normalize,
            language=language,
            name=name,
        )


def read_page_xml(path: str | Path) -> Page:
    """Lines and words of a PAGE XML file in its reading order; `source` is the image's file name.

    Of several transcriptions of a line the one with the lowest index is taken; a line without any takes its
    words', and a word its glyphs'. A line without a usable outline is left out with a warning, and the page is
    then not `complete`.

    Raises:
        DataError: not PAGE XML, or without the image's name and size.
    """
    path = Path(path)
    root = parse_xml(path, root="PcGts")
    page_element = root.find("{*}Page")
    if page_element is None:
        raise DataError(f"{path}: no <Page>")
    try:
        height, width = (round(number(page_element, key)) for key in ("imageHeight", "imageWidth"))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    page = Page(source=page_element.get("imageFilename", ""), height=height, width=width)
    for region in _regions(page_element):
        for element in region.iterfind("{*}TextLine"):
            try:
                page.lines.append(_line(element, region))
            except DataError as error:
                page.complete = False
                log.warning("line left out: %s: line %r: %s", path, element.get("id"), error)
    return page


def _regions(page: etree._Element) -> list[etree._Element]:
    """Text regions in reading order: those that <ReadingOrder> names first, then the rest as they come."""
    regions = list(page.iterfind(".//{*}TextRegion"))
    rank: dict[str, int] = {}
    for group in page.iterfind("{*}ReadingOrder/*"):
        for reference in _references(group):
            rank.setdefault(reference, len(rank))
    return sorted(regions, key=lambda region: rank.get(region.get("id", ""), len(rank)))


def _references(element: etree._Element) -> list[str]:
    own = [element.get("regionRef")] if element.get("regionRef") else []
    children = [child for child in element if local_name(child)]
    if local_name(element).startswith("OrderedGroup"):
        children.sort(key=lambda child: _index(child, default=len(children)))
    return own + [reference for child in children for reference in _references(child)]


def _line(element: etree._Element, region: etree._Element) -> TextLine:
    polygon = _outline(element)
    baseline = element.find("{*}Baseline")
    words = []
    for word in element.iterfind("{*}Word"):
        text, confidence = _text(word)
        if not text:
            text, confidence = _spelled(word)
        if text:
            words.append(Word(text, _outline(word), confidence))
    text, confidence = _text(element)
    if not text:
        text = " ".join(word.text for word in words)
    production = element.get("production") or region.get("production") or ""
    return TextLine(
        polygon=polygon,
        baseline=as_baseline(None if baseline is None else _coordinates(baseline), polygon),
        text=text,
        confidence=confidence,
        words=words,
        kind=_KINDS.get(production, ""),
        id=element.get("id", ""),
    )


def _outline(element: etree._Element) -> np.ndarray:
    coords = element.find("{*}Coords")
    found = None if coords is None else _coordinates(coords)
    if found is None:
        raise DataError("no outline")
    return as_polygon(found)


def _coordinates(element: etree._Element) -> np.ndarray | None:
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
    return int(value) if value.isdigit() else default
