"""Files that hold all pages of a source: one document in each format, told apart by the pages' numbers."""

import csv
import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from ocr.inference.inputs import Source
from ocr.output import WRITERS, choose_writers
from ocr.output.results import Results
from tests.helpers.pages import PAGES

with warnings.catch_warnings():
    # The checker is of Python 2's days.
    warnings.simplefilter("ignore", SyntaxWarning)
    from hocr_spec import HocrValidator

BOOK = [
    replace(PAGES[name], source="scans/book.pdf", number=number)
    for number, name in ((2, "two paragraphs"), (3, "an empty page"), (10, "columns"))
]
TEXTS = [[line.text for line in page.lines] for page in BOOK]


def write(folder, *names, split=False) -> list[str]:
    """Write the book in some formats; returns the names of the files."""
    with Results(str(folder), choose_writers(names), split=split).of(
        Source(Path("book.pdf"), Path("book"))
    ) as files:
        for page in BOOK:
            files.add(page, np.full((page.height, page.width, 3), 255, np.uint8), pages=12)
    return sorted(path.name for path in folder.iterdir())


def test_one_file_per_format_unless_it_holds_single_pages(tmp_path):
    single = {"page": ".page.xml", "draw": ".draw.png"}
    numbered = {f"book-{number:03d}{suffix}" for number in (2, 3, 10) for suffix in single.values()}
    together = {f"book{writer.suffix}" for name, writer in WRITERS.items() if name not in single}
    assert set(write(tmp_path, *WRITERS)) == numbered | together


def test_split_files_sort_by_their_pages(tmp_path):
    assert write(tmp_path, "txt", split=True) == ["book-002.txt", "book-003.txt", "book-010.txt"]


def test_form_feeds_divide_pages_of_text(tmp_path):
    write(tmp_path, "txt")
    text = (tmp_path / "book.txt").read_text(encoding="utf-8")
    assert [part.splitlines() for part in text.split("\f")] == TEXTS


def test_json_lists_pages(tmp_path):
    write(tmp_path, "json")
    book = json.loads((tmp_path / "book.json").read_text(encoding="utf-8"))
    assert (book["version"], book["source"]) == (1, "scans/book.pdf")
    assert [page["page"] for page in book["pages"]] == [2, 3, 10]
    assert [[line["text"] for line in page["lines"]] for page in book["pages"]] == TEXTS


def test_the_table_has_one_header(tmp_path):
    write(tmp_path, "tsv")
    with open(tmp_path / "book.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["page_num"] for row in rows if row["level"] == "1"] == ["2", "3", "10"]
    assert [row["text"] for row in rows if row["text"]] == " ".join(sum(TEXTS, [])).split()


@pytest.mark.parametrize(
    ("name", "file", "page", "number"),
    [("alto", "book.alto.xml", "{*}Page", "PHYSICAL_IMG_NR"), ("hocr", "book.hocr", "{*}div", "id")],
)
def test_xml_has_pages_with_identifiers_of_their_own(name, file, page, number, schemas, tmp_path):
    write(tmp_path, name)
    root = etree.parse(tmp_path / file).getroot()
    pages = [item for item in root.iterfind(f".//{page}") if item.get("class", "ocr_page") == "ocr_page"]
    assert [item.get(number).removeprefix("page_") for item in pages] == ["2", "3", "10"]
    identifiers = [
        item.get("ID") or item.get("id") for item in root.iter() if item.get("ID") or item.get("id")
    ]
    assert len(identifiers) == len(set(identifiers)) > 20
    if name == "alto":
        schemas["alto"].assertValid(root)
    else:
        report = HocrValidator("standard").validate(str(tmp_path / file), parse_strict=True)
        assert report.is_valid(), report.format("text")


@pytest.mark.parametrize("name", ["alto", "hocr", "json", "tsv", "txt"])
def test_a_file_of_one_page_is_what_the_writer_writes(name, tmp_path):
    page = PAGES["columns"]
    WRITERS[name].write(page, None, tmp_path / "one")
    with WRITERS[name].document(tmp_path / "many") as document:
        document.add(page, None)
        document.add(replace(page, number=2), None)
    one, many = ((tmp_path / part).read_bytes() for part in ("one", "many"))
    assert one != many
    if name != "json":
        assert many.startswith(one[: one.rindex(page.lines[-1].text.encode())])
