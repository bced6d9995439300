from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from ocr.types import Page, TextLine, Word

SCHEMAS = Path(__file__).parent / "schemas"
XLINK = b"""<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
<attributeGroup name="simpleLink"/></schema>"""


class _Offline(etree.Resolver):
    """ALTO's schema imports XLink from the network; what is written here holds no links."""

    def resolve(self, url, public_id, context):
        return self.resolve_string(XLINK, context) if "xlink" in url else None


@pytest.fixture(scope="session")
def schemas():
    """Schemas of ALTO and PAGE."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Offline())
    files = {"alto": "alto-4-3.xsd", "page": "page-2019-07-15.xsd"}
    return {name: etree.XMLSchema(etree.parse(SCHEMAS / file, parser)) for name, file in files.items()}


def _box(left, top, right, bottom):
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float32)


@pytest.fixture
def page() -> Page:
    """Two read lines around one in which ink was found but no text."""
    rows = [("Żółw & <b>", 0.95), ("", 0.0), ('"last" line', 0.4)]
    lines = []
    for row, (text, confidence) in enumerate(rows):
        top = 20 + 40 * row
        words = [
            Word(word, _box(30 + 60 * i, top, 80 + 60 * i, top + 25), confidence)
            for i, word in enumerate(text.split())
        ]
        baseline = np.array([(30, top + 18.04), (200, top + 18.04)], dtype=np.float32)
        lines.append(
            TextLine(_box(30, top, 200, top + 25), baseline, text, confidence, words, detection_score=0.9)
        )
    return Page("scan 1.jpg", height=160, width=240, lines=lines, number=3)


@pytest.fixture
def image(page) -> np.ndarray:
    return np.full((page.height, page.width, 3), 255, dtype=np.uint8)
