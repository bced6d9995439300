"""hOCR: valid by the checker of the format's specification, with every word in its place."""

import re
import warnings

import pytest
from lxml import etree

from ocr.output import WRITERS
from ocr.output.layout import xml_text
from tests.helpers.pages import PAGES

with warnings.catch_warnings():
    # The checker is of Python 2's days.
    warnings.simplefilter("ignore", SyntaxWarning)
    from hocr_spec import HocrValidator


def parsed(page, folder) -> etree._Element:
    WRITERS["hocr"].write(page, None, folder / "out.hocr")
    return etree.parse(folder / "out.hocr").getroot()


def properties(element) -> dict[str, list[str]]:
    found = {}
    for part in re.findall(r'(?:"[^"]*"|[^;"])+', element.get("title")):
        name, *values = part.split(maxsplit=1)
        found[name] = values[0].split() if values and values[0][0] != '"' else values
    return found


def classed(root, name: str) -> list:
    return root.findall(f".//{{*}}*[@class='{name}']")


@pytest.mark.parametrize("reason", PAGES)
def test_files_are_valid(reason, tmp_path):
    parsed(PAGES[reason], tmp_path)
    report = HocrValidator("standard").validate(str(tmp_path / "out.hocr"), parse_strict=True)
    assert report.is_valid(), report.format("text")


def test_the_checker_refuses_what_is_wrong(tmp_path):
    parsed(PAGES["two paragraphs"], tmp_path)
    text = (tmp_path / "out.hocr").read_text(encoding="utf-8")
    (tmp_path / "out.hocr").write_text(text.replace("x_wconf 50", "x_wconf 500", 1), encoding="utf-8")
    report = HocrValidator("standard").validate(str(tmp_path / "out.hocr"), parse_strict=True)
    assert not report.is_valid()


@pytest.mark.parametrize("reason", PAGES)
def test_text_and_boxes_are_the_pages(reason, tmp_path):
    page = PAGES[reason]
    root = parsed(page, tmp_path)
    lines = classed(root, "ocr_line")
    assert ["".join(line.itertext()).strip() for line in lines] == [
        xml_text(line.text) for line in page.lines
    ]
    for element in root.iterfind(".//{*}*[@title]"):
        left, top, right, bottom = map(int, properties(element)["bbox"])
        assert 0 <= left < right <= page.width and 0 <= top < bottom <= page.height
    for element, line in zip(lines, page.lines, strict=True):
        words = classed(element, "ocrx_word")
        if line.words and reason != "words of another reading":
            found = [int(properties(word)["x_wconf"][0]) for word in words]
            assert found == [round(100 * word.confidence) for word in line.words]


def test_the_baseline_is_told_from_the_boxs_corner(tmp_path):
    page = PAGES["a slanted line"]
    (line,) = page.lines
    (element,) = classed(parsed(page, tmp_path), "ocr_line")
    left, _, _, bottom = map(int, properties(element)["bbox"])
    slope, height = map(float, properties(element)["baseline"])
    for x, y in line.baseline:
        assert bottom + height + slope * (x - left) == pytest.approx(y, abs=0.2)


def test_paragraphs_are_blocks(tmp_path):
    root = parsed(PAGES["two paragraphs"], tmp_path)
    assert [len(classed(block, "ocr_line")) for block in classed(root, "ocr_carea")] == [3, 2]
