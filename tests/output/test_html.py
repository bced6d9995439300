"""The report: every line's picture beside its text, in one file, and the least sure lines at its end."""

import io
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest
from lxml import etree
from PIL import Image

from ocr.errors import ConfigError
from ocr.output import WRITERS
from ocr.output.draw import confidence_color
from ocr.output.html import CROP_HEIGHT, HtmlReport
from ocr.output.layout import xml_text
from ocr.types import Page
from tests.helpers.pages import PAGES, text_line


class Shown(HTMLParser):
    """The tags, and the texts between them, as HTML's parser sees them."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def classed(root, name: str) -> list:
    return root.findall(f".//{{*}}*[@class='{name}']")


def paper(page: Page) -> np.ndarray:
    """A page image whose rows tell their height: their grey is y / 4."""
    rows = (np.arange(page.height) / 4).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(rows[:, None, None], (page.height, page.width, 3)))


def report(page: Page, folder) -> etree._Element:
    WRITERS["html"].write(page, paper(page), folder / "out.html")
    return etree.parse(folder / "out.html").getroot()


@pytest.mark.parametrize("reason", PAGES)
def test_every_line_is_shown_as_it_was_read(reason, tmp_path):
    page = PAGES[reason]
    lines = classed(report(page, tmp_path), "line")
    shown = [" ".join(word.text for word in classed(line, "word")) for line in lines]
    assert shown == [xml_text(line.text) for line in page.lines]


def test_pictures_are_of_their_lines(tmp_path):
    page = PAGES["two paragraphs"]
    lines = classed(report(page, tmp_path), "line")
    for element, line in zip(lines, page.lines, strict=True):
        (picture,) = element.iter("{*}img")
        pixels = np.asarray(Image.open(io.BytesIO(b64decode(picture.get("src").partition(",")[2]))))
        assert pixels.shape[:2] == (CROP_HEIGHT, int(picture.get("width")))
        assert pixels.mean() == pytest.approx(line.polygon[:, 1].mean() / 4, abs=2)


def test_words_are_colored_by_confidence(tmp_path):
    page = PAGES["two paragraphs"]
    words = classed(classed(report(page, tmp_path), "line")[0], "word")
    for element, word in zip(words, page.lines[0].words, strict=True):
        assert element.get("style") == "--tint: {}, {}, {}".format(*confidence_color(word.confidence))
        assert element.get("title") == f"{word.confidence:.0%}"


def test_unsure_lines_are_listed_with_the_least_sure_first(tmp_path):
    texts = [("sicher", 0.95), ("fraglich", 0.5), ("", 0.0), ("<sehr>", 0.1)]
    page = Page(
        "a.png",
        300,
        300,
        [text_line(text, 9, 40 * i, confidence=sure) for i, (text, sure) in enumerate(texts)],
    )
    root = report(page, tmp_path)
    rows = [["".join(cell.itertext()) for cell in row] for row in root.iter("{*}tr")]
    assert rows[1:] == [["10%", "page 1, line 4", "<sehr>"], ["50%", "page 1, line 2", "fraglich"]]
    anchors = {element.get("id") for element in root.iterfind(".//{*}*[@id]")}
    links = [link.get("href") for link in root.iter("{*}a")]
    assert len(links) == 3 and all(link[1:] in anchors for link in links)


def test_pages_of_a_file_make_one_report(tmp_path):
    with HtmlReport(tmp_path / "out.html") as document:
        for number in (2, 5):
            page = Page(
                "/home/me/secret/Ötzi & Co.pdf", 90, 200, [text_line(f"Seite {number}", 9, 9)], number=number
            )
            document.add(page, paper(page))
    root = etree.parse(tmp_path / "out.html").getroot()
    assert root.findtext(".//{*}title") == root.findtext(".//{*}h1") == "Ötzi & Co.pdf"
    assert "secret" not in (tmp_path / "out.html").read_text(encoding="utf-8")
    assert [heading.text for heading in root.iter("{*}h2")][:2] == ["Page 2", "Page 5"]
    assert [cell[0].text for cell in root.iter("{*}td") if len(cell)] == ["page 2, line 1", "page 5, line 1"]


def test_nothing_is_fetched_or_run(tmp_path):
    """The report holds what it needs, and text from a page is text."""
    text = '<script src="//x.org/y">&amp; \'"</title><img/onerror=y>'
    page = Page("<title>&amp;<script>.png", 90, 700, [text_line(text, 9, 9, confidence=0.2, words=False)])
    root = report(page, tmp_path)
    asks = ("src", "href", "srcset", "action", "data", "poster", "background", "xlink:href")
    for element in root.iter("{*}*"):
        tag = etree.QName(element).localname
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form", "svg"), tag
        for name, value in element.attrib.items():
            assert not name.startswith("on") and "url(" not in value
            assert name not in asks or value.startswith(("data:image/jpeg;base64,", "#")), (name, value)
    style = root.findtext(".//{*}style")
    assert "url(" not in style and "@import" not in style
    # Browsers read it as HTML, by other rules.
    seen = Shown()
    seen.feed((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert seen.texts.count(text) == 2, "beside its picture and in the list"
    assert seen.texts.count(page.source) == 2 and seen.tags == [
        etree.QName(element).localname for element in root.iter("{*}*")
    ]


def test_an_image_is_needed(tmp_path):
    with pytest.raises(ConfigError, match=r"scan 1\.jpg: the html format needs the page's image"):
        WRITERS["html"].write(PAGES["columns"], None, tmp_path / "out.html")
