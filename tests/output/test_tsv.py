"""TSV: the table that programs made for Tesseract's know."""

import csv

import pytest

from ocr.output import WRITERS
from tests.helpers.pages import PAGES


def rows(page, folder) -> list[dict]:
    WRITERS["tsv"].write(page, None, folder / "out.tsv")
    with open(folder / "out.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("reason", [name for name in PAGES if "XML" not in name])
def test_words_are_the_lines_text(reason, tmp_path):
    page = PAGES[reason]
    table = rows(page, tmp_path)
    texts = {}
    for row in table:
        assert None not in row and None not in row.values(), "every row has every column"
        place = [int(row[name]) for name in ("left", "top", "width", "height")]
        assert min(place[:2]) >= 0 and min(place[2:]) >= 1
        key = row["block_num"], row["line_num"]
        if row["level"] == "4":
            texts[key] = []
        elif row["level"] == "5":
            texts[key].append(row["text"])
            assert 0 <= float(row["conf"]) <= 100
        else:
            assert (row["conf"], row["text"]) == ("-1", "")
    assert [" ".join(words) for words in texts.values()] == [line.text for line in page.lines]


def test_numbers_count_inside_what_they_are_part_of(tmp_path):
    table = rows(PAGES["two paragraphs"], tmp_path)
    keys = ("level", "page_num", "block_num", "par_num", "line_num", "word_num")
    found = [" ".join(row[key] for key in keys) for row in table]
    assert found[:6] == [
        "1 1 0 0 0 0",
        "2 1 1 0 0 0",
        "3 1 1 1 0 0",
        "4 1 1 1 1 0",
        "5 1 1 1 1 1",
        "5 1 1 1 1 2",
    ]
    assert found[-4:] == ["5 1 2 1 1 2", "4 1 2 1 2 0", "5 1 2 1 2 1", "5 1 2 1 2 2"]


def test_a_tab_in_the_text_does_not_shift_the_table(tmp_path):
    page = PAGES["a line without words"]
    page = type(page)(page.source, page.height, page.width, [type(page.lines[0])(**vars(page.lines[0]))])
    page.lines[0].text = "a\tb"
    assert rows(page, tmp_path)[-1]["text"] == "a b"
