"""Objects of the server as plain dicts for JSON responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ocr.demo.limits import Limits
from ocr.demo.session import Session, Upload, UploadPage
from ocr.output import WRITERS
from ocr.output.draw import UNREAD_COLOR, confidence_color
from ocr.output.html import LOW_CONFIDENCE
from ocr.output.layout import parts
from ocr.types import TextLine


def limits_view(limits: Limits) -> dict[str, Any]:
    """Describe the limits of uploads and the output formats."""
    return {"bytes": int(limits.megabytes * 1e6), "hours": limits.hours, "formats": list(WRITERS)}


def session_view(session: Session | None) -> list[dict[str, Any]]:
    """Describe all files of a session, with the states of their pages, in the order of their upload."""
    documents = session.documents.values() if session else ()
    return [document_view(document) for document in documents]


def document_view(document: Upload) -> dict[str, Any]:
    """Describe a file and its pages."""
    pages = [
        {
            "number": sheet.number,
            "state": sheet.state,
            "message": sheet.message,
            "checked": sum(number in sheet.checked for number in sheet.order),
            "readings": sheet.readings,
        }
        for sheet in document.sheets
    ]
    return {"id": document.id, "name": document.name, "pages": pages}


def sheet_view(sheet: UploadPage) -> dict[str, Any]:
    """Describe a page that was read: size and lines in pixels of the given image, and its rotation.

    `rotation` is the number of degrees clockwise by which the given image is turned; the picture of the page is
    upright. Raises MissingError before it is read.
    """
    page = sheet.result()
    lines = [line_view(sheet, number) for number in sheet.order]
    return {"height": page.height, "width": page.width, "rotation": page.rotation, "lines": lines}


def line_view(sheet: UploadPage, number: int) -> dict[str, Any]:
    """Describe a line, counted from 0: its current and its recognized text, and outlines as SVG points."""
    read = sheet.line(number)
    line = sheet.checked.get(number, read)
    return {
        "number": number,
        "text": line.text,
        "reading": read.text,
        "checked": number in sheet.checked,
        "unsure": number not in sheet.checked and read.confidence < LOW_CONFIDENCE,
        "confidence": round(read.confidence, 4),
        "color": _color(read),
        "points": _points(read.polygon),
        "words": [
            {
                "text": word.text,
                "confidence": round(word.confidence, 4),
                "color": _hex(confidence_color(word.confidence)),
                "points": _points(word.polygon),
            }
            for word in parts(line)
        ],
    }


def _color(line: TextLine) -> str:
    return _hex(confidence_color(line.confidence) if line.text else UNREAD_COLOR)


def _hex(rgb: Sequence[int]) -> str:
    return "#" + "".join(f"{value:02x}" for value in rgb)


def _points(polygon: np.ndarray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in polygon)
