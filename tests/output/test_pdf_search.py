"""Text of a searchable PDF as other programs put it together: phrases of a line, and columns one after the other."""

import shutil
import subprocess

import numpy as np
import pypdfium2
import pytest

from ocr.output import WRITERS
from ocr.types import Page, TextLine, Word

WORDS = ["the", "quick", "brown", "fox", "over", "a", "lazy", "dog", "seven", "wizards", "quietly"]


def poppler(path) -> str:
    """The text as pdftotext finds it by the places of characters."""
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed")
    return subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout


def pdfium(path) -> str:
    """The text as PDFium, and with it Chromium, finds it."""
    with pypdfium2.PdfDocument(path) as document:
        return document[0].get_textpage().get_text_range()


def written_page(*, columns=1, slant=0.0, gaps=(20, 60), spacing=80, turns=0) -> Page:
    """Lines of words of varied height, as they are found in handwriting, turned counter-clockwise by quarters."""
    rng = np.random.default_rng(0)
    height, width = 1500, 1900
    room = (width - 100 - 100 * columns) / columns
    lines = []
    for column in range(columns):
        for row in range(12):
            start = x = 100 + column * (room + 100) + rng.uniform(0, 15)
            words = []
            while x < start + room - 350:
                text = str(rng.choice(WORDS))
                along, tall = 25 * len(text), rng.uniform(50, 90)
                corners = [
                    (x, -0.7 * tall),
                    (x + along, -0.7 * tall),
                    (x + along, 0.3 * tall),
                    (x, 0.3 * tall),
                ]
                words.append(Word(text, np.array(corners, np.float32), 0.9))
                x += along + rng.uniform(*gaps)
            baseline = np.array([(start, 0), (x, 0)], np.float32)
            outline = np.array([(start, -50), (x, -50), (x, 20), (start, 20)], np.float32)
            line = TextLine(outline, baseline, " ".join(word.text for word in words), 0.9, words)
            lines.append(line)
            for item in (line, *words):
                item.polygon = placed(item.polygon, slant, 250 + row * spacing, height, width, turns)
            line.baseline = placed(line.baseline, slant, 250 + row * spacing, height, width, turns)
    size = (height, width) if turns % 2 == 0 else (width, height)
    return Page("a.jpg", *size, lines, rotation=90 * turns)


def placed(points, slant, top, height, width, turns) -> np.ndarray:
    sheared = points + np.stack(
        [np.zeros(len(points)), top + points[:, 0] * np.tan(np.radians(slant))], axis=1
    )
    for _ in range(turns):
        sheared = np.stack([height - sheared[:, 1], sheared[:, 0]], axis=1)
        height, width = width, height
    return sheared.astype(np.float32)


@pytest.mark.parametrize("program", [poppler, pdfium])
@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ({}, "level"),
        ({"columns": 2}, "columns"),
        ({"columns": 2, "slant": 3}, "slanted columns"),
        ({"gaps": (60, 160)}, "widely spaced words"),
        ({"slant": 2}, "a slant of which single characters would be torn apart"),
        ({"slant": -5}, "a steeper one"),
        ({"spacing": 55}, "lines that touch"),
        ({"turns": 1, "columns": 2}, "a page on its side, which is shown upright"),
        ({"turns": 2}, "a page upside down"),
    ],
)
def test_lines_are_found_in_order(program, layout, reason, tmp_path):
    page = written_page(**layout)
    WRITERS["pdf"].write(page, np.full((page.height, page.width, 3), 255, np.uint8), tmp_path / "a.pdf")
    # Only line breaks within a line of the page would count as different.
    found = [line.strip() for line in program(tmp_path / "a.pdf").split("\n") if line.strip()]
    expected = [line.text for line in page.lines]
    assert " ".join(found).replace("\f", "") == " ".join(expected), reason
    broken = [line for line in expected if not any(line in each for each in found)]
    assert not broken, reason
