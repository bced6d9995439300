"""PDF in: pages drawn one at a time, with the text that they hold; every bad file is one line."""

import gc
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr.errors import ConfigError, ImageError
from ocr.image.io import load_image, open_pages
from ocr.image.page_image import PageRange
from tests.helpers.pdf import encrypted, shade, write_pdf


def test_pages_are_drawn_at_the_chosen_resolution(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", ["1 0 0 rg 0 36 144 36 re f"])
    (page,) = open_pages(path, dpi=100)
    assert page.pixels.shape == (100, 200, 3) and page.pixels.dtype == np.uint8
    assert page.pixels[10, 50].tolist() == [255, 0, 0], "red, green, blue; up is up"
    assert page.pixels[90, 50].tolist() == [255, 255, 255], "paper is white"
    assert (page.dpi, page.number, page.text) == (100, 1, "")
    assert load_image(path).shape == (200, 400, 3), "200 unless chosen"


def test_a_turned_page_is_upright(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", ["0 g 0 0 20 72 re f"], page_fields={"Rotate": "90"})
    pixels = load_image(path)
    assert pixels.shape == (400, 200, 3)
    assert pixels[5].mean() < 5 and pixels[-5].mean() > 250, "the left edge has become the top"


def test_born_digital_text_is_reported(tmp_path):
    content = "BT /F 12 Tf 10 40 Td (Sehr geehrte Frau M\xfcller,) Tj 0 -20 Td (danke.) Tj ET"
    path = write_pdf(tmp_path / "a.pdf", [content, shade(0.5)])
    assert [page.text for page in open_pages(path)] == ["Sehr geehrte Frau Müller,\ndanke.", ""]


def test_a_file_and_its_bytes_are_the_same(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", [shade(0.2), shade(0.8)])
    for from_file, from_bytes in zip(open_pages(path), open_pages(path.read_bytes()), strict=True):
        assert np.array_equal(from_file.pixels, from_bytes.pixels)


@pytest.mark.parametrize("suffix", [".pdf", ".tif"])
@pytest.mark.parametrize(
    ("text", "numbers"),
    [("2", [2]), ("1-3,5", [1, 2, 3, 5]), ("5,1", [1, 5]), ("-2", [1, 2]), ("4-", [4, 5]), ("2-2,2,9", [2])],
)
def test_page_ranges(tmp_path, suffix, text, numbers):
    path = tmp_path / f"a{suffix}"
    if suffix == ".pdf":
        write_pdf(path, [shade(number / 10) for number in range(5)])
    else:
        shades = [Image.new("L", (9, 9), round(25.5 * number)) for number in range(5)]
        shades[0].save(path, save_all=True, append_images=shades[1:])
    found = list(open_pages(path, pages=PageRange.parse(text), dpi=20))
    assert [page.number for page in found] == numbers
    assert [round(page.pixels.mean() / 25.5) + 1 for page in found] == numbers


@pytest.mark.parametrize("text", ["", "0", "a", "3-1", "1-2-3", "1,,2", "-", "1.5", "0-3", "²"])
def test_a_page_range_that_is_none_is_named(text):
    with pytest.raises(ConfigError, match="pages=") as caught:
        PageRange.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dpi", [0, -5, 19, 2401])
def test_a_resolution_out_of_range_is_named(tmp_path, dpi):
    with pytest.raises(ConfigError, match=f"dpi={dpi}: must be from 20 to 2400"):
        next(open_pages(write_pdf(tmp_path / "a.pdf", [""]), dpi=dpi))


def cut(path: Path) -> Path:
    content = write_pdf(path, [shade(0)]).read_bytes()
    path.write_bytes(content[:60])
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (encrypted, "an encrypted PDF"),
        (cut, "a PDF that is damaged"),
        (lambda path: write_pdf(path, []), "or has no pages"),
        (lambda path: path.write_text("Dear Sir,\n"), "not a picture or PDF"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, make, reason):
    path = tmp_path / "a.pdf"
    make(path)
    for source, name in ((path, str(path)), (path.read_bytes(), "letter.pdf")):
        with pytest.raises(ImageError, match=reason) as caught:
            next(open_pages(source, name=name))
        assert str(caught.value).startswith(name) and "\n" not in str(caught.value)


def test_a_poster_is_drawn_with_fewer_pixels(tmp_path, monkeypatch):
    """Photographs that were put into a PDF without their resolution are metres wide."""
    monkeypatch.setattr("ocr.image.pdf.ENOUGH_PIXELS", 1_000_000)
    path = write_pdf(tmp_path / "a.pdf", ["1 0 0 rg 0 0 7200 3600 re f", ""], box="0 0 14400 3600")
    poster, second = open_pages(path, dpi=200)
    assert poster.pixels.shape == second.pixels.shape == (500, 2000, 3)
    assert poster.dpi == pytest.approx(10)
    assert poster.pixels[:, :995].mean() < 86 and poster.pixels[:, 1005:].mean() == 255


def test_a_broken_page_is_told_and_the_others_follow(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", [shade(0.2), shade(0.4), shade(0.6)])
    content = path.read_bytes().replace(b"/Type /Page ", b"/Type /Pane ", 2)
    path.write_bytes(content.replace(b"/Type /Pane ", b"/Type /Page ", 1))
    problems = []
    found = [page.number for page in open_pages(path, on_error=problems.append)]
    assert found == [1, 3]
    (problem,) = problems
    assert str(problem).startswith(f"{path}, page 2: damaged")
    with pytest.raises(ImageError, match="page 2: damaged"):
        list(open_pages(path))


def test_wanted_pages_that_are_not_there(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", ["", ""])
    with pytest.raises(ImageError, match=r"a\.pdf: has 2 pages, none of pages=3-4,9"):
        next(open_pages(path, pages=PageRange.parse("3-4,9")))


@pytest.mark.slow
def test_two_thousand_pages_stream(tmp_path):
    """No page is kept after the next was asked for, and memory does not grow."""
    path = write_pdf(tmp_path / "a.pdf", [shade(0.5)] * 2000)
    tracemalloc.start()
    alive: list[weakref.ref] = []
    highest = 0
    for page in open_pages(path, dpi=50):
        gc.collect(0)
        alive = [reference for reference in alive if reference() is not None]
        alive.append(weakref.ref(page.pixels))
        highest = max(highest, len(alive))
        number, size = page.number, page.pixels.nbytes
        del page
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 2000
    assert highest == 1
    assert peak < 40 * size
