"""ALTO and PAGE: valid by their schemas, and read back as they were written."""

import numpy as np
import pytest
from lxml import etree

from ocr.data.formats.alto import AltoLines
from ocr.data.formats.page_xml import PageXmlLines
from ocr.output import WRITERS
from ocr.output.layout import xml_text
from tests.helpers.annotations import read_alto, read_page_xml
from tests.helpers.pages import PAGES

READERS = {"alto": read_alto, "page": read_page_xml}
TOLERANCE = {"alto": 0.051, "page": 0.501}
"""ALTO is written in tenths of a pixel; PAGE allows whole ones alone."""
CHANGED = ("an outline over the page's edge", "words of another reading")
"""Cases that are cut to the page, or lose words on purpose."""


@pytest.mark.parametrize("name", ["alto", "page"])
@pytest.mark.parametrize("reason", PAGES)
def test_files_are_valid(name, reason, schemas, tmp_path):
    WRITERS[name].write(PAGES[reason], None, tmp_path / "out.xml")
    schemas[name].assertValid(etree.parse(tmp_path / "out.xml"))


@pytest.mark.parametrize(
    ("name", "mark"), [("alto", "TAGREFS"), ("page", "primaryScript"), ("json", '"other_script": true')]
)
def test_lines_in_another_script_are_marked(name, mark, tmp_path):
    WRITERS[name].write(PAGES["a line in another script"], None, tmp_path / "out")
    (line,) = [line for line in (tmp_path / "out").read_text().splitlines() if mark in line]
    assert "oben" not in line


@pytest.mark.parametrize("name", ["alto", "page"])
def test_the_schema_refuses_what_is_wrong(name, schemas, tmp_path):
    WRITERS[name].write(PAGES["a slanted line"], None, tmp_path / "out.xml")
    text = (tmp_path / "out.xml").read_text(encoding="utf-8")
    wrong = (
        text.replace("<String ", '<String WC="2" ', 1) if name == "alto" else text.replace("conf=", "sure=")
    )
    (tmp_path / "out.xml").write_text(wrong.replace('WC="0.5000"', "", 1), encoding="utf-8")
    assert wrong != text and not schemas[name].validate(etree.parse(tmp_path / "out.xml"))


@pytest.mark.parametrize("name", ["alto", "page"])
@pytest.mark.parametrize(
    "reason", sorted(PAGES.keys() - {"an outline over the page's edge", "words of another reading"})
)
def test_pages_come_back(name, reason, tmp_path, caplog):
    page = PAGES[reason]
    WRITERS[name].write(page, None, tmp_path / "out.xml")
    back = READERS[name](tmp_path / "out.xml")
    assert not caplog.records, "no line is left out"
    assert (back.height, back.width, back.complete) == (page.height, page.width, True)
    assert [line.text for line in back.lines] == [xml_text(line.text) for line in page.lines]
    for found, line in zip(back.lines, page.lines, strict=True):
        if reason != "a dot smaller than a pixel":
            np.testing.assert_allclose(found.polygon, line.polygon, atol=TOLERANCE[name])
        np.testing.assert_allclose(found.baseline, line.baseline, atol=TOLERANCE[name])
        if name == "page" and line.text:
            assert found.confidence == pytest.approx(line.confidence, abs=1e-4)
        if not line.words:
            continue
        assert [word.text for word in found.words] == [xml_text(word.text) for word in line.words]
        for word, before in zip(found.words, line.words, strict=True):
            assert word.confidence == pytest.approx(before.confidence, abs=1e-4)
            if reason != "a dot smaller than a pixel":
                np.testing.assert_allclose(word.polygon, before.polygon, atol=TOLERANCE[name])


@pytest.mark.parametrize("name", ["alto", "page"])
def test_words_that_are_not_the_text_are_left_out(name, tmp_path):
    """The line's text is the reading; words of another one would be read back in its place."""
    WRITERS[name].write(PAGES["words of another reading"], None, tmp_path / "out.xml")
    (line,) = READERS[name](tmp_path / "out.xml").lines
    assert line.text == "a b"
    assert line.confidence == pytest.approx(0.9, abs=1e-4)


@pytest.mark.parametrize("name", ["alto", "page"])
def test_paragraphs_are_blocks_in_reading_order(name, tmp_path):
    WRITERS[name].write(PAGES["columns"], None, tmp_path / "out.xml")
    blocks = etree.parse(tmp_path / "out.xml").findall(
        ".//{*}TextBlock" if name == "alto" else ".//{*}TextRegion"
    )
    assert [len(block.findall("{*}TextLine")) for block in blocks] == [3, 3]


@pytest.mark.parametrize(("name", "lines"), [("alto", AltoLines), ("page", PageXmlLines)])
def test_results_train_a_reader(name, lines, page, image, tmp_path):
    """What was read, and perhaps corrected, is found beside its image as lines to learn from."""
    from PIL import Image

    Image.fromarray(image).save(tmp_path / "scan 1.jpg")
    WRITERS[name].write(page, image, tmp_path / "scan 1.xml")
    samples = lines(tmp_path / "scan 1.xml", height=24)
    assert [samples[i].text for i in range(len(samples))] == ["Żółw & <b>", '"last" line']
