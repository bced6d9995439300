"""Annotation files of a single page."""

from pathlib import Path

from ocr.data.formats.alto import alto_pages
from ocr.data.formats.annotated import PageAnnotation
from ocr.data.formats.page_xml import page_xml_pages
from ocr.types import Page


def read_alto(path: Path) -> Page:
    """Read the page of an ALTO file, of which no line may be left out."""
    return _only(alto_pages(path))


def read_page_xml(path: Path) -> Page:
    """Read the page of a PAGE XML file, of which no line may be left out."""
    return _only(page_xml_pages(path))


def _only(pages: list[PageAnnotation]) -> Page:
    (annotated,) = pages
    assert not annotated.problems
    return annotated.page
