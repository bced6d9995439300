"""Searchable PDF: two other libraries find the text, where it is written, over the page's own picture."""

import tracemalloc

import numpy as np
import pypdf
import pypdfium2
import pytest

from ocr.errors import ConfigError
from ocr.output import WRITERS
from ocr.output.pdf import PdfDocument
from ocr.types import Page
from tests.helpers.pages import PAGES, text_line


def paper(page: Page, value=(240, 230, 200)) -> np.ndarray:
    return np.full((page.height, page.width, 3), value, np.uint8)


def written(page: Page, folder, image=None):
    path = folder / "out.ocr.pdf"
    WRITERS["pdf"].write(page, paper(page) if image is None else image, path)
    return path


SKIPPED = {
    "characters that XML cannot hold": "no PDF holds them either",
    "letters beyond the basic plane": "libraries turn Hebrew round; the others are in a test of their own",
}


@pytest.mark.parametrize("reason", [name for name in PAGES if name not in SKIPPED])
def test_the_text_is_found(reason, tmp_path):
    page = PAGES[reason]
    path = written(page, tmp_path)
    expected = page.text.split()
    sheet = pypdf.PdfReader(path, strict=True).pages[0]
    assert sheet.extract_text(orientations=(0, 90, 180, 270)).split() == expected
    with pypdfium2.PdfDocument(path) as document:
        assert document[0].get_textpage().get_text_range().split() == expected


def test_letters_come_out_as_they_are(tmp_path):
    """Accents, ligatures and letters of which a font may lack the glyphs; decomposed ones stay decomposed."""
    text = "ß œ æ Œ É ñ ç ż ł ů ő ſ ﬀ – — … „“ « » € ½ ª ʒ ꝑ e\u0301 𝔉 手"
    page = Page("a.png", 100, 900, [text_line(text, 10, 30)])
    found = pypdf.PdfReader(written(page, tmp_path), strict=True).pages[0].extract_text()
    assert found.strip() == text


@pytest.mark.parametrize(
    "reason",
    ["letters, markup and quotes", "a slanted line", "a standing line", "a bent baseline", "columns"],
)
def test_words_lie_where_they_are_written(reason, tmp_path):
    page = PAGES[reason]
    with pypdfium2.PdfDocument(written(page, tmp_path)) as document:
        sheet = document[0]
        scale = page.height / sheet.get_height()
        text = sheet.get_textpage()
        everything, start = text.get_text_range(), 0
        for line in page.lines:
            for word in line.words:
                start = everything.index(word.text, start)
                boxes = [text.get_charbox(start + i, loose=True) for i in range(len(word.text))]
                start += len(word.text)
                (left, bottom), (right, top) = np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]
                found = np.array(
                    [left * scale, page.height - top * scale, right * scale, page.height - bottom * scale]
                )
                corners = [*word.polygon.min(axis=0), *word.polygon.max(axis=0)]
                assert np.abs(found - corners)[[0, 2]].max() < 6, (word.text, found, corners)
                # A slanted line is flattened: its words stand upright, nearly on one level.
                middle = (found[1] + found[3]) / 2, (corners[1] + corners[3]) / 2
                assert abs(middle[0] - middle[1]) < (12 if "slanted" in reason else 4), (word.text, middle)


@pytest.mark.parametrize(
    ("image", "tolerance", "reason"),
    [
        (
            np.random.default_rng(0).integers(0, 2, (60, 50, 1), np.uint8).repeat(3, 2) * 255,
            0,
            "black and white",
        ),
        (np.tile(np.arange(64, dtype=np.uint8)[None, :, None], (60, 1, 3)), 3, "grey"),
        (np.full((60, 50, 3), (200, 40, 90), np.uint8), 4, "color"),
    ],
)
def test_the_picture_is_kept(image, tolerance, reason, tmp_path):
    page = Page("a.png", *image.shape[:2], [text_line("a", 5, 5)])
    (picture,) = pypdf.PdfReader(written(page, tmp_path, image), strict=True).pages[0].images
    kept = np.asarray(picture.image.convert("RGB")).astype(int)
    assert np.abs(kept - image).max() <= tolerance
    with pypdfium2.PdfDocument(tmp_path / "out.ocr.pdf") as document:
        shown = document[0].render(scale=image.shape[1] / document[0].get_width()).to_numpy()
    assert shown[..., ::-1].mean() == pytest.approx(image.mean(), abs=6), "the text leaves no ink"


@pytest.mark.parametrize(
    ("size", "dpi", "points"),
    [
        ((3300, 2550), 300, (612, 792)),
        ((1000, 500), 0, (420.945, 841.89)),
        ((1, 1), 0, (841.89, 841.89)),
    ],
)
def test_the_paper_has_the_scans_size(size, dpi, points, tmp_path):
    page = Page("a.png", *size, dpi=dpi)
    box = pypdf.PdfReader(written(page, tmp_path), strict=True).pages[0].mediabox
    assert (float(box.width), float(box.height)) == pytest.approx(points, abs=0.01)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_page_is_shown_upright(rotation, tmp_path):
    """Dark ink at the corner where the text begins comes to the upper left."""
    image = np.full((100, 200, 3), 255, np.uint8)
    image[:30, :60] = 0
    image = np.ascontiguousarray(np.rot90(image, -rotation // 90))
    page = Page("a.png", *image.shape[:2], [text_line("a", 5, 5)], rotation=rotation)
    written(page, tmp_path, image)
    with pypdfium2.PdfDocument(tmp_path / "out.ocr.pdf") as document:
        picture = document[0].render(scale=200 / max(document[0].get_size())).to_numpy()
    assert picture.shape[:2] == (100, 200)
    assert picture[5:25, 5:50].max() < 50 < 200 < picture[50:, 100:].min()


def test_pages_of_a_file_are_pages_of_the_pdf(tmp_path):
    with PdfDocument(tmp_path / "out.pdf") as document:
        for number in range(1, 4):
            page = Page("Ötzi.tif", 90, 200, [text_line(f"Seite {number}", 9, 9)], number=number)
            document.add(page, paper(page))
    reader = pypdf.PdfReader(tmp_path / "out.pdf", strict=True)
    assert [page.extract_text().strip() for page in reader.pages] == ["Seite 1", "Seite 2", "Seite 3"]
    assert reader.metadata.title == "Ötzi.tif"


def test_memory_does_not_grow_with_the_pages(tmp_path):
    page = Page("a.tif", 300, 300, [text_line("Seite", 9, 9)])
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    with PdfDocument(tmp_path / "out.pdf") as document:
        document.add(page, noise)
        tracemalloc.start()
        for _ in range(40):
            document.add(page, noise)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    size = (tmp_path / "out.pdf").stat().st_size
    assert kept < 0.02 * size


def test_an_image_is_needed(tmp_path):
    with pytest.raises(ConfigError, match=r"scan 1\.jpg: the pdf format needs the page's image"):
        WRITERS["pdf"].write(PAGES["columns"], None, tmp_path / "out.pdf")
