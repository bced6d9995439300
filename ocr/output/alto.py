"""ALTO 4.4 (Library of Congress): the XML of libraries, also read by eScriptorium and kraken.

A file holds all pages of a source, each with its number in it (`PHYSICAL_IMG_NR`). Paragraphs become <TextBlock>s.
Outlines, baselines and word confidences are kept to a tenth of a pixel and four digits; a line's own confidence has
no place in the format. Lines in a script that the recognizer does not know refer to the tag `other_script`.
"""

from __future__ import annotations

import numpy as np
from lxml import etree

from ocr import __version__
from ocr.geometry import bounding_box, paragraphs
from ocr.output.document import XmlDocument
from ocr.output.layout import file_name, outline, parts, xml_text
from ocr.types import Page, Polygon, TextLine, Word

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"

OTHER_SCRIPT = "other_script"
"""Tag of lines in a script that the recognizer does not know. The head of a file comes before its pages are known, so
every file has it."""


def page_alto(page: Page) -> etree._Element:
    """The page as an <alto> element."""
    root = etree.Element(_tag("alto"), nsmap={None: NAMESPACE, "xsi": _INSTANCE}, SCHEMAVERSION="4.4")
    root.set(f"{{{_INSTANCE}}}schemaLocation", f"{NAMESPACE} {SCHEMA}")
    description = _add(root, "Description")
    _add(description, "MeasurementUnit").text = "pixel"
    image = _add(description, "sourceImageInformation")
    _add(image, "fileName").text = file_name(page)
    processing = _add(description, "Processing", ID="ocr")
    _add(processing, "processingCategory").text = "contentGeneration"
    software = _add(processing, "processingSoftware")
    _add(software, "softwareName").text = "ocr"
    _add(software, "softwareVersion").text = __version__
    _add(_add(root, "Tags"), "OtherTag", ID=OTHER_SCRIPT, TYPE="script", LABEL="other script")
    size = {"HEIGHT": str(page.height), "WIDTH": str(page.width)}
    sheet = _add(
        _add(root, "Layout"), "Page", ID=f"page_{page.number}", PHYSICAL_IMG_NR=str(page.number), **size
    )
    space = _add(sheet, "PrintSpace", HPOS="0", VPOS="0", **size)
    number = 0
    for position, group in enumerate(paragraphs(page.lines), start=1):
        corners = np.concatenate([line.polygon for line in group])
        block = _add(space, "TextBlock", ID=f"block_{page.number}_{position}", **_box(corners))
        for line in group:
            number += 1
            _line(block, line, f"line_{page.number}_{number}")
    return root


class AltoDocument(XmlDocument):
    """ALTO file of one source."""

    page_start, pages_end = b"<Page ", b"</Layout>"

    def serialize(self, page: Page) -> bytes:
        """Serialize a page as an ALTO file."""
        return etree.tostring(page_alto(page), encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _line(block: etree._Element, line: TextLine, name: str) -> None:
    polygon = outline(line.polygon)
    element = _add(block, "TextLine", ID=name, **_box(polygon), BASELINE=_points(line.baseline))
    if line.other_script:
        element.set("TAGREFS", OTHER_SCRIPT)
    _shape(element, polygon)
    for number, word in enumerate(parts(line), start=1):
        if number > 1:
            _add(element, "SP")
        _word(element, word, f"{name}_{number}")
    if not line.text:
        _add(element, "String", CONTENT="")


def _word(line: etree._Element, word: Word, name: str) -> None:
    polygon = outline(word.polygon)
    confidence = f"{min(max(word.confidence, 0.0), 1.0):.4f}"
    element = _add(line, "String", ID=name, CONTENT=xml_text(word.text), WC=confidence, **_box(polygon))
    _shape(element, polygon)


def _shape(element: etree._Element, polygon: Polygon) -> None:
    _add(_add(element, "Shape"), "Polygon", POINTS=_points(polygon))


def _box(points: np.ndarray) -> dict[str, str]:
    left, top, right, bottom = bounding_box(points)
    values = {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}
    return {key: _number(value) for key, value in values.items()}


def _points(points: np.ndarray) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _add(parent: etree._Element, name: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, _tag(name), attributes)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
