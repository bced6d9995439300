"""Markdown and Word documents: another library finds the same paragraphs, lists, line breaks and letters."""

from dataclasses import replace

import docx
import pytest
from markdown_it import MarkdownIt

from ocr.output import WRITERS
from ocr.output.layout import xml_text
from ocr.output.prose import Passage, page_passages
from ocr.types import Page
from tests.helpers.pages import PAGES, text_line


def column(*texts: str, left=40) -> Page:
    lines = [text_line(text, left, 30 + 30 * number) for number, text in enumerate(texts)]
    return Page("a b.jpg", 900, 700, lines)


CASES = [
    (column("the quick brown fox jum-", "ped over the lazy dog. It", "slept."), 1, "running text"),
    (column("Milk", "Sugar and eggs", "Bread", "a whole line of text on it"), 4, "lines that end early"),
    (
        column("To do today, of all days:", "- buy milk and two loaves", "- and write to", "  Jo", "- sleep"),
        1,
        "a list",
    ),
    (column("- Oui, dit-il sans regarder", "la porte."), 1, "a single dash is speech"),
    (PAGES["two paragraphs"], 1, "paragraphs"),
    (PAGES["ink that was read as nothing"], 1, "a line without text"),
    (PAGES["an empty page"], 0, "nothing"),
]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (CASES[0][0], [Passage(["the quick brown fox jumped over the lazy dog. It slept."])]),
        (CASES[1][0], [Passage(["Milk", "Sugar and eggs", "Bread", "a whole line of text on it"])]),
        (
            CASES[2][0],
            [
                Passage(["To do today, of all days:"]),
                Passage(["buy milk and two loaves"], item=True),
                Passage(["and write to   Jo"], item=True),
                Passage(["sleep"], item=True),
            ],
        ),
        (CASES[3][0], [Passage(["- Oui, dit-il sans regarder la porte."])]),
    ],
)
def test_passages(page, expected):
    assert page_passages(page) == expected


NASTY = [
    "# no heading", "1. no list", "12) no list", "- no item", "+ 3", "* star", "> quote", "a*b*c _d_ `e`", "[x](y)",
    "<b>", "&amp; &", "back\\slash", "~~~", "===", "---", "a | b", "$x$", "\u2014 dash", "#hash", "3.5 kg",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_was_read_is_markup(text, tmp_path):
    WRITERS["md"].write(column(text), None, tmp_path / "a.md")
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse((tmp_path / "a.md").read_text(encoding="utf-8"))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert "".join(child.content for child in tokens[1].children) == text


def read_markdown(path) -> list[tuple[str, bool]]:
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    found, item = [], False
    for token in tokens:
        item = token.type == "list_item_open" or (item and token.type != "list_item_close")
        if token.type == "hr":
            found.append(("page", False))
        elif token.type == "inline":
            parts = ["\n" if child.type == "hardbreak" else child.content for child in token.children]
            found.append(("".join(parts), item))
    return found


def read_docx(path) -> list[tuple[str, bool]]:
    found = []
    for paragraph in docx.Document(path).paragraphs:
        if paragraph.paragraph_format.page_break_before:
            found.append(("page", False))
        if paragraph.text:
            found.append((paragraph.text, paragraph.style.name == "List Bullet"))
    return found


@pytest.mark.parametrize(("form", "read"), [("md", read_markdown), ("docx", read_docx)])
def test_a_document_holds_the_passages_of_all_pages(form, read, tmp_path):
    with WRITERS[form].document(tmp_path / "out") as document:
        for page, _, _ in CASES:
            document.add(page, None)
    expected = []
    for number, (page, _, _) in enumerate(CASES):
        expected += [("page", False)] if number else []
        expected += [(xml_text("\n".join(passage.lines)), passage.item) for passage in page_passages(page)]
    squeezed = [(" ".join(text.split(" ")), item) for text, item in expected]
    assert read(tmp_path / "out") == squeezed


@pytest.mark.parametrize("reason", PAGES)
def test_word_documents_open(reason, tmp_path):
    page = replace(PAGES[reason], number=1)
    WRITERS["docx"].write(page, None, tmp_path / "out.docx")
    text = " ".join(paragraph.text for paragraph in docx.Document(tmp_path / "out.docx").paragraphs)
    assert text.split() == xml_text(" ".join(line.text for line in page.lines)).split()
