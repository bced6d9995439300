"""ALTO XML, versions 2 to 4 (Library of Congress)."""

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
from ocr.types import Baseline, Page, TextLine, Word

log = logging.getLogger(__name__)

_KINDS = ("handwritten", "typed", "print")


class AltoLines(PageLines):
    """Transcribed lines of ALTO files, cut from their page images and straightened; see `PageLines`."""

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        images: str | Path | None = None,
        height: int = 64,
        pad: float = PAD,
        normalize: bool = True,
        language: str = "",
        name: str = "alto",
    ) -> None:
        super().__init__(
            paths,
            read_alto,
            images=images,
            height=height,
            pad=pad,
            normalize=normalize,
            language=language,
            name=name,
        )


def read_alto(path: str | Path) -> Page:
    """Lines and words of an ALTO file as they come; `source` is the image's file name.

    Coordinates are in the file's own unit, as are the page's height and width, so a file measured in tenths of
    a millimetre comes into pixels by scaling to the image (`PageLines` does). A line's text is its strings and
    spaces, with the hyphen of <HYP>. A line without a usable outline is left out with a warning, and the page
    is then not `complete`.

    Raises:
        DataError: not ALTO, without a page size, or of several pages.
    """
    path = Path(path)
    root = parse_xml(path, root="alto")
    pages = root.findall("{*}Layout/{*}Page")
    if len(pages) != 1:
        raise DataError(f"{path}: expected one <Page>, found {len(pages)}")
    try:
        height, width = _size(pages[0])
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    source = root.findtext("{*}Description/{*}sourceImageInformation/{*}fileName") or ""
    page = Page(source=source.strip(), height=height, width=width)
    labels = {tag.get("ID"): tag.get("LABEL", "") for tag in root.iterfind("{*}Tags/*") if local_name(tag)}
    for element in pages[0].iterfind(".//{*}TextLine"):
        try:
            page.lines.append(_line(element, labels))
        except DataError as error:
            page.complete = False
            log.warning("line left out: %s: line %r: %s", path, element.get("ID"), error)
    return page


def _size(page: etree._Element) -> tuple[int, int]:
    # WIDTH and HEIGHT are optional on Page; its print space then gives the size.
    space = page.find("{*}PrintSpace")
    element = page if page.get("WIDTH") or space is None else space
    height, width = round(number(element, "HEIGHT")), round(number(element, "WIDTH"))
    if height <= 0 or width <= 0:
        raise DataError(f"page size is {height} x {width}")
    return height, width


def _line(element: etree._Element, labels: dict[str, str]) -> TextLine:
    polygon = _outline(element)
    text, words = _content(element)
    tags = [labels.get(reference, "").lower() for reference in element.get("TAGREFS", "").split()]
    return TextLine(
        polygon=polygon,
        baseline=_baseline(element, polygon),
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
                if content.strip() and (child.get("HPOS") or child.find("{*}Shape") is not None):
                    confidence = number(child, "WC") if child.get("WC") else 0.0
                    words.append(Word(content, _outline(child), confidence))
            case "SP":
                text += " "
            case "HYP":
                hyphen = child.get("CONTENT", "-")
                text += "" if text.endswith(hyphen) else hyphen
    return text.strip(), words


def _outline(element: etree._Element) -> np.ndarray:
    polygon = element.find("{*}Shape/{*}Polygon")
    found = None if polygon is None else points(polygon.get("POINTS"))
    if found is not None:
        return as_polygon(found)
    x, y, w, h = (number(element, key) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return as_polygon([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])


def _baseline(element: etree._Element, polygon: np.ndarray) -> Baseline:
    value = element.get("BASELINE")
    try:
        height = float(value or "")
    except ValueError:
        return as_baseline(points(value), polygon)
    left, right = polygon[:, 0].min(), polygon[:, 0].max()
    return as_baseline([(left, height), (right, height)], polygon)
