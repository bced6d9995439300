import json

import numpy as np
import pytest

from ocr.output import WRITERS
from ocr.output.json import VERSION, page_json
from ocr.types import Page
from tests.helpers.pages import PAGES


def test_everything_found_comes_back(page, tmp_path):
    WRITERS["json"].write(page, None, tmp_path / "out.json")
    data = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (data["version"], data["source"], data["page"]) == (VERSION, "scan 1.jpg", 3)
    assert (data["height"], data["width"]) == (160, 240)
    assert data["text"] == 'Żółw & <b>\n"last" line\n'
    assert [line["text"] for line in data["lines"]] == [line.text for line in page.lines], "unread lines stay"
    for line, original in zip(data["lines"], page.lines, strict=True):
        np.testing.assert_allclose(line["polygon"], original.polygon, atol=0.05)
        np.testing.assert_allclose(line["baseline"], original.baseline, atol=0.05)
        assert line["confidence"] == pytest.approx(original.confidence, abs=1e-4)
        assert line["detection_score"] == pytest.approx(0.9, abs=1e-4)
        assert [word["text"] for word in line["words"]] == [word.text for word in original.words]
        for word, word_before in zip(line["words"], original.words, strict=True):
            np.testing.assert_allclose(word["polygon"], word_before.polygon, atol=0.05)


def test_text_is_readable_in_the_file(page):
    assert "Żółw & <b>" in page_json(page), "letters are not escaped to \\u sequences"


def test_a_page_without_lines():
    assert json.loads(page_json(Page("blank.jpg", 10, 20)))["lines"] == []


def test_numbers_that_json_lacks_are_refused(page):
    page.lines[0].polygon[0, 0] = np.nan
    with pytest.raises(ValueError, match="JSON compliant"):
        page_json(page)


def test_what_the_file_tells_of_itself_is_kept(page):
    page.dpi, page.embedded_text, page.rotation = 300.0, "born digital", 90
    data = json.loads(page_json(page))
    assert (data["dpi"], data["embedded_text"], data["rotation"]) == (300, "born digital", 90)


def test_lines_know_their_paragraph():
    data = json.loads(page_json(PAGES["two paragraphs"]))
    assert [line["paragraph"] for line in data["lines"]] == [1, 1, 1, 2, 2]
