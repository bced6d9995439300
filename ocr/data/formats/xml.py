"""Reading XML from strangers: no entities, no DTD, no network."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from lxml import etree

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
    return np.array(numbers, np.float32).reshape(-1, 2) if numbers else None


def number(element: etree._Element, attribute: str) -> float:
    """A numeric attribute.

    Raises:
        DataError: it is absent or no number.
    """
    value = element.get(attribute)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"<{local_name(element)}> has {attribute}={value!r}, expected a number") from error
