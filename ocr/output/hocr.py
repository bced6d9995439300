"""hOCR 1.2 (Breuel, The hOCR Microformat for OCR Workflow and Results, 2007) as XHTML that browsers can show.

Boxes are in whole pixels and confidences in whole percent (`x_wconf`); lines also have an outline (`poly`) and a
`baseline`: slope, and height over the bottom-left corner of the box.
"""

from __future__ import annotations

import numpy as np
from lxml import etree

from ocr import __version__
from ocr.geometry import paragraphs
from ocr.output.document import XmlDocument
from ocr.output.layout import box, file_name, parts, xml_text
from ocr.types import Page, TextLine, Word

NAMESPACE = "http://www.w3.org/1999/xhtml"
DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)
CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_poly ocrp_wconf"


def page_hocr(page: Page) -> etree._Element:
    """Convert a page to an <html> element."""
    root = etree.Element(_tag("html"), nsmap={None: NAMESPACE})
    head = _add(root, "head")
    _add(head, "title").text = file_name(page)
    _add(head, "meta", {"http-equiv": "Content-Type", "content": "text/html; charset=utf-8"})
    _add(head, "meta", {"name": "ocr-system", "content": f"ocr {__version__}"})
    _add(head, "meta", {"name": "ocr-capabilities", "content": CAPABILITIES})
    # The name of the image stands in quotes and must not contain one.
    image = file_name(page).replace('"', "'")
    title = f'image "{image}"; bbox 0 0 {page.width} {page.height}; ppageno {page.number - 1}'
    if page.dpi:
        title += f"; scan_res {page.dpi:.0f} {page.dpi:.0f}"
    sheet = _add(
        _add(root, "body"), "div", {"class": "ocr_page", "id": f"page_{page.number}", "title": title}
    )
    number = 0
    for position, group in enumerate(paragraphs(page.lines), start=1):
        place = _bbox([line.polygon for line in group], page)
        area = _add(
            sheet, "div", {"class": "ocr_carea", "id": f"block_{page.number}_{position}", "title": place}
        )
        paragraph = _add(
            area, "p", {"class": "ocr_par", "id": f"par_{page.number}_{position}", "title": place}
        )
        for line in group:
            number += 1
            _line(paragraph, line, page, f"line_{page.number}_{number}")
    return root


class HocrDocument(XmlDocument):
    """hOCR file of one source, with an element of class `ocr_page` for each page."""

    page_start, pages_end = b'<div class="ocr_page"', b"</body>"

    def serialize(self, page: Page) -> bytes:
        """Serialize a page as an hOCR file."""
        # No pretty-printing: line breaks between the spans of words would count as spaces.
        return etree.tostring(page_hocr(page), encoding="UTF-8", xml_declaration=True, doctype=DOCTYPE)


def _line(paragraph: etree._Element, line: TextLine, page: Page, name: str) -> None:
    corners = " ".join(f"{max(round(float(value)), 0)}" for value in np.ravel(line.polygon))
    title = f"{_bbox([line.polygon], page)}; baseline {_baseline(line, page)}; poly {corners}"
    element = _add(paragraph, "span", {"class": "ocr_line", "id": name, "title": title})
    words = parts(line)
    for number, word in enumerate(words, start=1):
        span = _word(element, word, page, f"{name}_{number}")
        span.tail = " " if number < len(words) else "\n"


def _word(line: etree._Element, word: Word, page: Page, name: str) -> etree._Element:
    percent = round(100 * min(max(word.confidence, 0.0), 1.0))
    title = f"{_bbox([word.polygon], page)}; x_wconf {percent}"
    span = _add(line, "span", {"class": "ocrx_word", "id": name, "title": title})
    span.text = xml_text(word.text)
    return span


def _bbox(polygons: list[np.ndarray], page: Page) -> str:
    return "bbox {} {} {} {}".format(*box(polygons, page))


def _baseline(line: TextLine, page: Page) -> str:
    """Fit a line to the baseline: slope, and height at the left edge relative to the bottom of the box."""
    left, _, _, bottom = box([line.polygon], page)
    x, y = np.asarray(line.baseline, np.float64).T
    # The format cannot express a vertical baseline.
    horizontal = np.ptp(x) > np.ptp(y)
    slope, height = np.polyfit(x - left, y, 1) if horizontal else (0.0, y.mean())
    return f"{slope:.4f} {height - bottom:.1f}"


def _add(parent: etree._Element, name: str, attributes: dict[str, str] | None = None) -> etree._Element:
    return etree.SubElement(parent, _tag(name), attributes or {})


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
