"""Progress of a run and its closing summary: on standard error, the bar on a terminal only."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from ocr.commands import read
from ocr.commands.progress import ProgressBar, Tally, count_pages
from ocr.image.page_image import PageRange
from ocr.inference.inputs import find_sources
from ocr.types import Page, TextLine
from tests.helpers.pdf import shade, write_pdf


def page(number=1, *lines: tuple[str, float], warnings=()) -> Page:
    box = np.zeros((4, 2), np.float32)
    found = [TextLine(box, box[:2], text, confidence) for text, confidence in lines]
    return Page("a", 9, 9, found, number=number, warnings=list(warnings))


def test_the_summary_weighs_lines_by_their_length():
    tally = Tally()
    tally.add(page(1, ("abc", 0.9), ("", 0.1)), "book.pdf", count=3)
    tally.add(page(2, ("a", 0.5)), "book.pdf", count=3)
    tally.add(page(3), "book.pdf", count=3)
    tally.add(page(1, warnings=["ink, but no line was found"]), "scan.png", count=1)
    assert tally.summary() == [
        "4 pages, 2 lines, mean confidence 0.80",
        "to look at first: scan.png (0.00)",
    ]


def test_at_most_five_pages_are_listed_the_least_sure_first():
    tally = Tally()
    for number in range(1, 31):
        tally.add(page(number, ("text", number / 30)), "book.pdf", count=30)
    listed = tally.summary()[1].removeprefix("to look at first: ").split("; ")
    assert listed == [f"book.pdf, page {number} ({number / 30:.2f})" for number in range(1, 6)]


def test_a_single_page_needs_no_summary():
    tally = Tally()
    tally.add(page(1, ("text", 0.5)), "a.png", count=1)
    assert tally.summary() == []


def test_pages_are_counted_before_they_are_read(tmp_path):
    write_pdf(tmp_path / "a.pdf", [shade(0.5)] * 5)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7")
    Image.new("L", (9, 9)).save(tmp_path / "b.png")
    sources = find_sources(str(tmp_path))
    assert count_pages(sources, PageRange.parse("1-")) == 7
    assert count_pages(sources, PageRange.parse("2-3")) == 4


@pytest.mark.parametrize(
    ("total", "terminal", "shown"), [(3, True, True), (1, True, False), (3, False, False)]
)
def test_the_bar_is_shown_on_a_terminal_for_several_pages(total, terminal, shown):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=80)
    with ProgressBar(total, console=console if terminal else None) as bar:
        bar.advance()
        with bar.hidden():
            file.write("[between]")
    text = file.getvalue()
    assert ("1/3" in text) == shown and "left" in text if shown else text == "[between]"


def test_the_command_ends_with_the_summary(tiny_recognizer, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frames = [Image.new("L", (40, 16), 200 + number) for number in range(3)]
    frames[0].save("scan.tif", save_all=True, append_images=frames[1:])
    assert read.main([f"recognizer={tiny_recognizer}", "detector=none", "scan.tif"]) == 0
    out, err = capsys.readouterr()
    assert out == "a\n\fa\n\fa\n"
    *pages, total, first = err.splitlines()
    assert [line.split(",")[0] for line in pages] == [f"scan.tif: page {number}" for number in (1, 2, 3)]
    assert total.startswith("3 pages, 3 lines, mean confidence ") and "\x1b" not in err
    assert first.startswith("to look at first: scan.tif, page ")
    assert sorted(path.name for path in Path().iterdir()) == ["scan.tif"]
