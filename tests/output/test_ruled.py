"""Cells of tables with ruled lines, which are found in the picture of the page."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.inference.inputs import Source
from ocr.output import choose_writers
from ocr.output.csv import page_cells
from ocr.output.results import Results
from ocr.output.ruled import ruled_tables
from ocr.types import Page
from tests.helpers.pages import text_line

ACROSS, DOWN = (40, 240, 420, 640), (80, 130, 200, 250)
RULES = [*(((x, 80), (x, 250)) for x in ACROSS), *(((40, y), (640, y)) for y in DOWN)]
ENTRIES = [
    *(("Name", 50, 95), ("Born", 250, 95), ("Died", 430, 95)),
    *(("Ada King", 50, 140), ("Lovelace", 50, 168), ("1815", 250, 150), ("1852", 430, 150)),
    *(("Emmy", 50, 215), ("1935", 580, 215)),
]
CELLS = [["Name", "Born", "Died"], ["Ada King\nLovelace", "1815", "1852"], ["Emmy", "", "1935"]]


def drawn(entries, rules, *, color=(70, 70, 70), width=2, matrix=None) -> tuple[Page, np.ndarray]:
    """A page of 700 x 700 with lines and rules, mapped by a (3, 3) matrix."""
    image = np.full((700, 700, 3), 235, np.uint8)
    lines = [text_line(text, left, top) for text, left, top in entries]
    for line in lines:
        left, bottom = (int(value) for value in line.baseline[0])
        cv2.putText(image, line.text, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (30, 30, 60), 2)
    for start, end in rules:
        cv2.line(image, start, end, color, width)
    if matrix is not None:
        image = cv2.warpPerspective(image, matrix, (700, 700), borderValue=(235, 235, 235))
        for line in lines:
            for item in (line, *line.words):
                item.polygon = cv2.perspectiveTransform(item.polygon[None], matrix)[0]
            line.baseline = cv2.perspectiveTransform(line.baseline[None], matrix)[0]
    return Page("a.png", 700, 700, lines), image


def turned(degrees: float) -> np.ndarray:
    return np.vstack([cv2.getRotationMatrix2D((350, 350), degrees, 1), [0, 0, 1]])


SQUARE = np.float32([(0, 0), (700, 0), (700, 700), (0, 700)])
PHOTOGRAPHED = cv2.getPerspectiveTransform(SQUARE, np.float32([(60, 20), (650, 0), (700, 690), (0, 640)]))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "an empty cell, and one of two lines"),
        *(({"matrix": turned(degrees)}, f"turned by {degrees}") for degrees in (3, -6, 90, 180)),
        ({"matrix": PHOTOGRAPHED}, "photographed from the side"),
        ({"color": (235, 150, 150), "width": 1}, "thin red rules"),
        (
            {"rules": [rule for rule in RULES if rule[0][0] not in (40, 640) or rule[0][1] == rule[1][1]]},
            "no sides",
        ),
        (
            {"rules": [*RULES, ((10, 40), (690, 40)), ((10, 40), (10, 690)), ((10, 690), (690, 690))]},
            "a frame",
        ),
    ],
)
def test_cells_between_rules(changes, reason):
    page, image = drawn(ENTRIES, **{"rules": RULES} | changes)
    assert page_cells(page, image) == CELLS, reason


def test_text_around_a_table_keeps_its_place():
    around = [("The family", 60, 20), *ENTRIES, ("p. 1", 40, 300), ("p. 2", 500, 300)]
    page, image = drawn(around, RULES)
    assert page_cells(page, image) == [["The family", "", ""], *CELLS, ["p. 1", "p. 2", ""]]


def test_two_tables_and_a_title_over_all_columns():
    lower = [
        ((x, y + 300), (u, v + 300)) for (x, y), (u, v) in RULES if (y, v) != (80, 250) or x in (40, 640)
    ]
    lower += [((x, 430), (x, 550)) for x in ACROSS[1:3]]
    entries = [
        ("Kings and queens", 200, 395),
        ("a", 50, 450),
        ("b", 250, 450),
        ("c", 430, 450),
        ("d", 250, 520),
    ]
    page, image = drawn([*ENTRIES, *entries], [*RULES, *lower])
    expected = [*CELLS, ["Kings and queens", "", ""], ["a", "b", "c"], ["", "d", ""]]
    assert page_cells(page, image) == expected


PROSE = [("a line of a letter", 60, 60 + 40 * row) for row in range(6)]
RULED = [((20, 82 + 40 * row), (680, 82 + 40 * row)) for row in range(6)]


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([], "no rules"),
        (RULED, "ruled paper"),
        ([*RULED, ((40, 20), (40, 680))], "ruled paper with a margin"),
        ([((20 * n, 0), (20 * n, 699)) for n in range(35)] + [((0, 20 * n), (699, 20 * n)) for n in range(35)],
         "squared paper"),
        ([((20, 20), (680, 20)), ((680, 20), (680, 680)), ((680, 680), (20, 680)), ((20, 680), (20, 20))], "a frame"),
    ],
)  # fmt: skip
def test_prose_on_paper_with_lines_is_no_table(rules, reason):
    page, image = drawn(PROSE, rules, color=(150, 150, 200))
    assert ruled_tables(page.lines, image) == ([], page.lines), reason
    assert page_cells(page, image) == page_cells(page), reason


def test_the_command_writes_cells_also_of_reduced_pictures(tmp_path):
    page, image = drawn(ENTRIES, RULES)
    with Results(str(tmp_path), choose_writers(["csv"])).of(Source(Path("a.png"), Path("a"))) as files:
        files.add(page, image, file_size=(1400, 1400))
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == CELLS
