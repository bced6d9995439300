"""Reading XML from strangers: no entities, no DTD, no network."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from lxml import etree

from ocr.data.pages.outline import MAX_EXTENT
from ocr.errors import DataError

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def parse_xml(path: Path, *, root: str) -> etree._Element:
    """Root element of a file, which must have the local name `root`.

    Raises:
        DataError: the file is missing, not well-formed, or of another kind.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        element = etree.parse(str(path), parser).getroot()
    except (OSError, etree.XMLSyntaxError) as error:
        raise DataError(f"{path}: not readable XML: {str(error).splitlines()[0]}") from error
    found = etree.QName(element).localname
    if found != root:
        raise DataError(f"{path}: expected a <{root}> document, found <{found}>")
    return element


def local_name(element: etree._Element) -> str:
    """Tag without namespace; empty for comments and processing instructions."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def points(text: str | None) -> np.ndarray | None:
    """(n, 2) float32 from `x,y x,y`, `x y x y` or `x,y,x,y`; None where there is nothing."""
    numbers = _NUMBER.findall(text or "")
    if len(numbers) % 2:
        raise DataError(f"an odd number of coordinates: {text!r:.80}")
    if not numbers:
        return None
    found = np.array([float(value) for value in numbers]).reshape(-1, 2)
    if np.abs(found).max() > MAX_EXTENT:
        raise DataError(f"a coordinate is larger than any page: {text!r:.80}")
    return found.astype(np.float32)


def number(element: etree._Element, attribute: str) -> float:
    """A finite numeric attribute, at most `MAX_EXTENT` either side of zero.

    Raises:
        DataError: it is absent, no number, or not within these bounds.
    """
    value = element.get(attribute)
    try:
        found = float(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"{_named(element, attribute)}, expected a number") from error
    if not math.isfinite(found) or abs(found) > MAX_EXTENT:
        raise DataError(f"{_named(element, attribute)}, expected a number up to {MAX_EXTENT}")
    return found


def page_size(element: etree._Element, height: str, width: str) -> tuple[int, int]:
    """(height, width) from the attributes of these names. Raises DataError for a page without extent."""
    rows, columns = round(number(element, height)), round(number(element, width))
    if rows <= 0 or columns <= 0:
        raise DataError(f"page size is {rows} x {columns}")
    return rows, columns


def _named(element: etree._Element, attribute: str) -> str:
    value = element.get(attribute)
    return f"<{local_name(element)}> has {attribute}={value if value is None else value[:80]!r}"
