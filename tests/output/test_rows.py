"""Rows of tables and receipts: laid out by spaces, and as cells of CSV."""

import csv

import numpy as np
import pytest

from ocr.geometry.rows import page_rows
from ocr.output import WRITERS
from ocr.output.csv import page_cells
from ocr.output.text import page_text
from ocr.types import Page
from tests.helpers.pages import PAGES, text_line


def sheet(*entries: tuple[str, float, float], turn=0.0) -> Page:
    """A page with lines from (text, left, top), turned clockwise by `turn` degrees around its middle."""
    lines = [text_line(text, left, top) for text, left, top in entries]
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    matrix, middle = np.array([[cos, sin], [-sin, cos]]), np.array([350, 350])
    for line in lines:
        for item in (line, *line.words):
            item.polygon = ((item.polygon - middle) @ matrix + middle).astype(np.float32)
        line.baseline = ((line.baseline - middle) @ matrix + middle).astype(np.float32)
    return Page("a.jpg", 700, 700, lines)


RECEIPT = [
    ("BAKERY AND SONS", 200, 20),
    ("BAGUETTE", 40, 80),
    ("1.20", 500, 81),
    ("CROISSANT AU BEURRE", 40, 110),
    ("12.50", 489, 111),
    ("2 x 6.25", 60, 140),
    ("MILK 0.99", 40, 170),
    ("TOTAL", 40, 230),
    ("14.69", 489, 232),
]
TABLE = [
    *((text, x, 30) for text, x in (("Name", 40), ("Born", 200), ("Died", 300))),
    *((text, x, 60) for text, x in (("Ada", 40), ("1815", 200), ("1852", 300))),
    *((text, x, 90) for text, x in (("Grace M", 40), ("1906", 200), ("1992", 300))),
    *((text, x, 120) for text, x in (("Emmy", 40), ("1935", 300))),
]


@pytest.mark.parametrize("turn", [0, 4, -8, 90, 180])
def test_a_receipt_keeps_its_rows(turn):
    text = page_text(sheet(*RECEIPT, turn=turn), "rows")
    assert [line.split() for line in text.split("\n")] == [
        ["BAKERY", "AND", "SONS"],
        [],
        ["BAGUETTE", "1.20"],
        ["CROISSANT", "AU", "BEURRE", "12.50"],
        ["2", "x", "6.25"],
        ["MILK", "0.99"],
        [],
        ["TOTAL", "14.69"],
        [],
    ]
    ends = [len(line) for line in text.split("\n") if line.endswith(("1.20", "12.50", "14.69"))]
    assert max(ends) - min(ends) <= 1, "amounts stand below each other"


@pytest.mark.parametrize("turn", [0, 5])
@pytest.mark.parametrize(
    ("entries", "cells", "reason"),
    [
        (
            TABLE,
            [
                ["Name", "Born", "Died"],
                ["Ada", "1815", "1852"],
                ["Grace M", "1906", "1992"],
                ["Emmy", "", "1935"],
            ],
            "an empty cell",
        ),
        (
            [("A title above all columns", 60, 2), *TABLE[:6]],
            [["A title above all columns", "", ""], ["Name", "Born", "Died"], ["Ada", "1815", "1852"]],
            "a title over the strips",
        ),
        (
            [("a line of text", 40, 30), ("and one more line", 40, 60)],
            [["a line of text"], ["and one more line"]],
            "no table",
        ),
        (
            [*TABLE[:6], ("Emilie du Ch", 40, 90), ("1749", 300, 90)],
            [["Name", "Born", "Died"], ["Ada", "1815", "1852"], ["Emilie du Ch", "", "1749"]],
            "an entry that reaches to the next column",
        ),
    ],
)
def test_cells(entries, cells, reason, turn):
    assert page_cells(sheet(*entries, turn=turn)) == cells, reason


def test_pages_of_a_csv_file_are_divided_by_an_empty_line(tmp_path):
    with WRITERS["csv"].document(tmp_path / "a.csv") as document:
        document.add(sheet(*TABLE[:3], ('the "last", of all', 40, 60)), None)
        document.add(sheet(*TABLE[:6]), None)
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["Name", "Born", "Died"],
        ['the "last", of all', "", ""],
        [],
        ["Name", "Born", "Died"],
        ["Ada", "1815", "1852"],
    ]


@pytest.mark.parametrize("reason", PAGES)
def test_no_word_is_lost(reason):
    page = PAGES[reason]
    expected = sorted(" ".join(line.text for line in page.lines).split())
    assert sorted(page_text(page, "rows").split()) == expected
    assert sorted(" ".join(cell for row in page_cells(page) for cell in row).split()) == expected


def test_columns_of_text_stand_side_by_side():
    rows = page_rows(PAGES["columns"].lines)
    assert [[len(piece) for piece in row.pieces] for row in rows] == [[1, 1]] * 3
