"""Readers of the formats that handwriting data is published in."""

from ocr.data.formats.alto import AltoLines, read_alto
from ocr.data.formats.hf import HuggingFaceLines
from ocr.data.formats.iam import IamLines
from ocr.data.formats.page_xml import PageXmlLines, read_page_xml

__all__ = ["AltoLines", "HuggingFaceLines", "IamLines", "PageXmlLines", "read_alto", "read_page_xml"]
