"""Annotations of one page of a document train on that page, whatever else is in the file."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr.data.formats.alto import AltoLines
from ocr.data.formats.page_xml import PageXmlLines
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import DataError
from ocr.image.io import open_pages
from ocr.inference.inputs import Source
from ocr.output import WRITERS, choose_writers
from ocr.output.results import Results
from ocr.types import Page
from tests.helpers.pages import text_line
from tests.helpers.pdf import shade, write_pdf

SHADES = (0.2, 0.5, 0.8)
LINES = {"alto": AltoLines, "page": PageXmlLines}


@pytest.fixture(params=["book.pdf", "book.tif"])
def book(request, tmp_path):
    """A document of three pages, each of one shade of grey."""
    path = tmp_path / request.param
    if path.suffix == ".pdf":
        return write_pdf(path, [shade(value) for value in SHADES])
    pages = [Image.new("L", (400, 200), round(255 * value)) for value in SHADES]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def write_results(book, form, *, split=True):
    results = Results(str(book.parent), choose_writers([form]), split=split)
    with results.of(Source(book, Path("book"))) as files:
        for image in open_pages(book):
            height, width = image.pixels.shape[:2]
            line = text_line(f"page {image.number}", 60, 60)
            page = Page(str(book), height, width, [line], number=image.number)
            files.add(page, image.pixels, pages=image.count)


@pytest.mark.parametrize(("form", "split"), [("alto", True), ("alto", False), ("page", True)])
def test_lines_are_cut_from_their_own_page(book, form, split):
    write_results(book, form, split=split)
    assert len(list(book.parent.glob("*.xml"))) == (3 if split else 1)
    lines = LINES[form](str(book.parent / "*.xml"), height=32)
    found = {lines[i].text: lines[i].image.mean() / 255 for i in range(len(lines))}
    assert found == {f"page {n}": pytest.approx(value, abs=0.01) for n, value in enumerate(SHADES, start=1)}


@pytest.mark.parametrize(
    ("form", "number", "changed", "message"),
    [
        ("alto", 'PHYSICAL_IMG_NR="2"', 'PHYSICAL_IMG_NR="0"', "has 3 pages, and it is not said which"),
        ("alto", 'PHYSICAL_IMG_NR="2"', "", "has 3 pages, and it is not said which"),
        ("alto", 'PHYSICAL_IMG_NR="2"', 'PHYSICAL_IMG_NR="7"', "has 3 pages, no page 7"),
        ("page", "page {number:2;}", "", "has 3 pages, and it is not said which"),
        ("page", "page {number:2;}", "page {number:4;}", "has 3 pages, no page 4"),
    ],
)
def test_a_page_that_cannot_be_resolved_is_refused(book, form, number, changed, message):
    write_results(book, form)
    path = book.parent / f"book-002.{form}.xml"
    content = path.read_text()
    assert number in content
    path.write_text(content.replace(number, changed))
    with pytest.raises(DataError, match=message) as caught:
        LINES[form](path)[0]
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_a_single_picture_needs_no_number(tmp_path):
    """eScriptorium counts the pictures of a document, each of which is a file."""
    Image.new("L", (400, 200), 100).save(tmp_path / "scan.png")
    page = Page("scan.png", 200, 400, [text_line("text", 60, 60)], number=3)
    WRITERS["alto"].write(page, None, tmp_path / "scan.xml")
    assert AltoLines(tmp_path / "scan.xml")[0].image.mean() == pytest.approx(100, abs=1)


def test_the_pages_of_one_alto_file_are_documents(book):
    write_results(book, "alto", split=False)
    lines = AltoLines(book.parent / "book.alto.xml")
    assert [lines[i].image.mean() / 255 for i in range(3)] == pytest.approx(SHADES, abs=0.01)
    assert [lines[i].document for i in range(3)] == ["book.alto.1", "book.alto.2", "book.alto.3"]


@pytest.mark.parametrize(("page", "expected"), [(2, 0.5), (None, "not said which"), (9, "no page 9")])
def test_page_manifests_name_pages(book, page, expected):
    height, width = next(open_pages(book)).pixels.shape[:2]
    row = {"id": "p", "file": book.name, "width": width, "height": height, "source": "s", "split": "val"}
    (book.parent / "pages.jsonl").write_text(json.dumps({**row, "lines": [], "page": page}))
    pages = PagesManifest(book.parent / "pages.jsonl")
    if isinstance(expected, str):
        with pytest.raises(DataError, match=expected):
            pages[0]
    else:
        assert np.mean(pages[0][0]) / 255 == pytest.approx(expected, abs=0.01)
