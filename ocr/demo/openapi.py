"""OpenAPI description of the interface for programs, `ocr.demo.api`."""

from __future__ import annotations

from typing import Any

from ocr import __version__
from ocr.demo.limits import Limits
from ocr.output import WRITERS

_POINTS = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    "description": "[[x, y], ...] in pixels of the page",
}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}


def _object(properties: dict[str, Any], about: str = "", optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    found = {"type": "object", "properties": properties, "required": required}
    return found | {"description": about} if about else found


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


SCHEMAS = {
    "Word": _object({"text": _TEXT, "confidence": _SHARE, "polygon": _POINTS}),
    "Line": _object(
        {
            "text": _TEXT,
            "paragraph": {"type": "integer", "minimum": 1},
            "confidence": _SHARE,
            "detection_score": _SHARE,
            "polygon": _POINTS,
            "baseline": _POINTS,
            "words": _list("Word"),
            "other_script": {"type": "boolean"},
        }
    ),
    "Page": _object(
        {
            "version": {"const": 1},
            "source": _TEXT,
            "page": {"type": "integer", "minimum": 1},
            "height": _NUMBER,
            "width": _NUMBER,
            "dpi": {"type": "number", "minimum": 0},
            "rotation": {"enum": [0, 90, 180, 270]},
            "text": _TEXT,
            "embedded_text": _TEXT,
            "lines": _list("Line"),
        },
        "a page, as in the format json of `ocr read`",
    ),
    "PageError": _object({"page": {"type": "integer", "minimum": 1}, "error": _TEXT}),
    "Document": _object(
        {"version": {"const": 1}, "source": _TEXT, "pages": _list("Page"), "errors": _list("PageError")},
        "the pages of a file that has several; `errors` names those that cannot be read",
        ("errors",),
    ),
    "Error": _object({"error": _TEXT}, "the reason, one line"),
}


def description(limits: Limits) -> dict[str, Any]:
    """Return the description, for a server with the given limits, as plain dicts and lists."""
    errors = {
        "400": "no picture or PDF, damaged, an unknown format or no such pages",
        "408": f"less than 16 kB came in {limits.idle_seconds:g} seconds",
        "413": f"more than {limits.megabytes:g} MB, {limits.pages} pages, or {limits.megapixels:g} megapixels",
        "503": "too many requests at the same time",
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Handwriting reader",
            "version": __version__,
            "description": "Reads pages of handwriting. Nothing of a request is kept after its answer.",
        },
        "paths": {
            "/api/read": {
                "post": {
                    "operationId": "read",
                    "summary": "Read the pages of a picture or PDF",
                    "parameters": _parameters(),
                    "requestBody": _body(),
                    "responses": {"200": _answer()}
                    | {status: _error(text) for status, text in errors.items()},
                }
            }
        },
        "components": {"schemas": SCHEMAS},
    }


def _parameters() -> list[dict[str, Any]]:
    rows = (
        ("name", _TEXT, "name of the file, for `source`, messages and downloads"),
        ("pages", _TEXT | {"example": "1-3,7"}, "numbers and spans of pages from 1; default: all"),
        ("format", {"enum": list(WRITERS), "default": "json"}, "format of the answer, as of `ocr read`"),
    )
    return [
        {"name": name, "in": "query", "schema": schema, "description": about} for name, schema, about in rows
    ]


def _body() -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    form = _object({"file": binary})
    return {
        "required": True,
        "description": "the bytes of a JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or PDF, or a form with it",
        "content": {"application/octet-stream": {"schema": binary}, "multipart/form-data": {"schema": form}},
    }


def _answer() -> dict[str, Any]:
    either = [{"$ref": "#/components/schemas/Page"}, {"$ref": "#/components/schemas/Document"}]
    return {
        "description": "a page where the file has one, else a document; another `format` comes as a file",
        "content": {"application/json": {"schema": {"oneOf": either}}},
    }


def _error(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
