"""PAGE XML 2019 (Pletschacher and Antonacopoulos, The PAGE Format Framework, 2010): the XML of transcription tools.

Paragraphs become <TextRegion>s, named in reading order. The format holds whole pixels; confidences have four
digits. It has no place for the number of a page in a PDF or TIFF, which is therefore in the attribute `custom` of
<Page>, as `page {number:2;}`. Lines in a script that the recognizer does not know have an undetermined script.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

import numpy as np
from lxml import etree

from ocr import __version__
from ocr.geometry import paragraphs
from ocr.output.document import Document
from ocr.output.layout import box, file_name, outline, parts, xml_text
from ocr.types import Page, TextLine, Word

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"

UNDETERMINED = "Zyyy - Code for undetermined script"
"""Value of the format for a script that is not known."""


def page_xml(page: Page) -> etree._Element:
    """The page as a <PcGts> element, created now."""
    root = etree.Element(_tag("PcGts"), nsmap={None: NAMESPACE, "xsi": _INSTANCE})
    root.set(f"{{{_INSTANCE}}}schemaLocation", f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd")
    metadata = _add(root, "Metadata")
    _add(metadata, "Creator").text = f"ocr {__version__}"
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    _add(metadata, "Created").text = now
    _add(metadata, "LastChange").text = now
    size = {"imageWidth": str(page.width), "imageHeight": str(page.height)}
    sheet = _add(root, "Page", imageFilename=file_name(page), **size)
    sheet.set("custom", f"page {{number:{page.number};}}")
    if page.dpi:
        resolution = f"{page.dpi:g}"
        sheet.set("imageXResolution", resolution)
        sheet.set("imageYResolution", resolution)
        sheet.set("imageResolutionUnit", "PPI")
    groups = paragraphs(page.lines)
    if groups:
        order = _add(_add(sheet, "ReadingOrder"), "OrderedGroup", id="order")
        for index in range(len(groups)):
            _add(order, "RegionRefIndexed", index=str(index), regionRef=f"region_{index + 1}")
    number = 0
    for position, group in enumerate(groups, start=1):
        region = _add(sheet, "TextRegion", id=f"region_{position}", type="paragraph")
        left, top, right, bottom = box([line.polygon for line in group], page)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        _add(region, "Coords", points=_points(corners, page))
        for line in group:
            number += 1
            _line(region, line, page, f"line_{number}")
    return root


class PageXmlDocument(Document):
    """PAGE XML file, which holds a single page."""

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Write the page; `image` is not used."""
        content = etree.tostring(page_xml(page), encoding="UTF-8", xml_declaration=True, pretty_print=True)
        self.file.write(content)


def _line(region: etree._Element, line: TextLine, page: Page, name: str) -> None:
    element = _add(region, "TextLine", id=name)
    if line.other_script:
        element.set("primaryScript", UNDETERMINED)
    _add(element, "Coords", points=_outline(line.polygon, page))
    _add(element, "Baseline", points=_points(line.baseline, page))
    for number, word in enumerate(line.words if parts(line) is line.words else [], start=1):
        _word(element, word, page, f"{name}_{number}")
    if line.text:
        _text(element, line.text, line.confidence)


def _word(line: etree._Element, word: Word, page: Page, name: str) -> None:
    element = _add(line, "Word", id=name)
    _add(element, "Coords", points=_outline(word.polygon, page))
    _text(element, word.text, word.confidence)


def _text(element: etree._Element, text: str, confidence: float) -> None:
    equivalent = _add(element, "TextEquiv", conf=f"{min(max(confidence, 0.0), 1.0):.4f}")
    _add(equivalent, "Unicode").text = xml_text(text)


def _outline(polygon: np.ndarray, page: Page) -> str:
    # Rounded first: that is what may leave less than a pixel.
    return _points(outline(np.round(polygon)), page)


def _points(points: Iterable[tuple[float, float]], page: Page) -> str:
    """Whole pixels, none below 0, as the format demands, nor outside the page."""
    limited = [(min(max(round(x), 0), page.width), min(max(round(y), 0), page.height)) for x, y in points]
    return " ".join(f"{x},{y}" for x, y in limited)


def _add(parent: etree._Element, name: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, _tag(name), attributes)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
