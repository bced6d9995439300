"""Searchable PDFs of files that are kept: pages of a PDF with all that is on them, and streams of JPEG files."""

import io
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pikepdf
import pypdf
import pypdfium2
import pytest
from PIL import Image

from ocr.errors import ConfigError
from ocr.image.io import load_image, open_pages
from ocr.inference.inputs import Source
from ocr.output import WRITERS, choose_writers, pdf_font
from ocr.output.results import Results
from ocr.types import Page, TextLine, Word
from tests.helpers.pages import text_line, turned_box
from tests.helpers.pdf import write_pdf

RED = "1 0 0 rg 40 20 60 10 re f"
"""A red bar in points, from the lower left."""


def bar_page(image: np.ndarray, **fields) -> Page:
    """A page whose only word covers the red bar in its picture."""
    red = (image[..., 0] > 200) & (image[..., 1] < 60)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    polygon = turned_box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    baseline = polygon[[3, 2]] * 0.7 + polygon[[0, 1]] * 0.3
    if len(rows) > len(columns):
        baseline = polygon[[0, 3]]
    line = TextLine(polygon, baseline, "bar", 0.9, [Word("bar", polygon, 0.9)])
    return Page("a.pdf", *image.shape[:2], [line], **fields)


def word_box(path) -> list[float]:
    """Left, bottom, right and top of the word `bar` in the space of the page's content."""
    with pypdfium2.PdfDocument(path) as document:
        text = document[0].get_textpage()
        start = text.get_text_range().index("bar")
        boxes = np.array([text.get_charbox(start + i, loose=True) for i in range(3)])
    return [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("box", "reason"), [((0, 0, 200, 100), "the whole page"), ((30, 10, 150, 90), "a crop box")]
)
def test_text_lies_on_what_it_reads(rotation, box, reason, tmp_path):
    with pikepdf.open(write_pdf(tmp_path / "plain.pdf", [RED])) as document:
        sheet = document.pages[0].obj
        sheet.MediaBox, sheet.CropBox, sheet.Rotate = [0, 0, 200, 100], list(box), rotation
        document.save(tmp_path / "a.pdf")
    (image,) = open_pages(tmp_path / "a.pdf", dpi=144)
    page = bar_page(image.pixels, dpi=image.dpi)
    WRITERS["pdf"].write(page, image.pixels, tmp_path / "out.pdf", original=tmp_path / "a.pdf")
    # A word that runs along the bar, whichever way the page is turned.
    across, down = [40, 100], [20, 30]
    found = word_box(tmp_path / "out.pdf")
    assert found[::2] == pytest.approx(across, abs=6) and found[1::2] == pytest.approx(down, abs=6), reason
    (again,) = open_pages(tmp_path / "out.pdf", dpi=144)
    assert np.array_equal(again.pixels, image.pixels), "nothing is to be seen of the text"


def test_content_text_and_outline_stay(tmp_path):
    """Pages in a tree that hands down resources; the text that is there is not laid over itself."""
    shown = "BT /F 12 Tf 20 60 Td (born digital) Tj ET " + RED
    original = write_pdf(tmp_path / "a.pdf", [shown, RED, RED])
    with pikepdf.open(original, allow_overwriting_input=True) as document:
        with document.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("Part two", 1))
        document.save(original)
    results = Results(str(tmp_path / "out"), choose_writers(["pdf"]))
    with results.of(Source(original, Path("a")), original) as files:
        for image in open_pages(original, dpi=100):
            page = bar_page(image.pixels, number=image.number, embedded_text=image.text)
            page.lines.append(text_line("Born digital.", 20, 20))
            files.add(page, image.pixels, pages=3)
    found = pypdf.PdfReader(tmp_path / "out/a.ocr.pdf", strict=True)
    texts = [" ".join(page.extract_text().split()) for page in found.pages]
    assert sorted(texts[0].split()) == ["bar", "born", "digital"]
    assert texts[1:] == ["bar Born digital."] * 2
    assert [item.title for item in found.outline] == ["Part two"]
    with pikepdf.open(original) as before, pikepdf.open(tmp_path / "out/a.ocr.pdf") as after:
        for old, new in zip(before.pages, after.pages, strict=True):
            assert new.obj.Contents[1].read_bytes() == old.obj.Contents.read_bytes()


@pytest.mark.parametrize(
    ("wanted", "split", "files"),
    [
        ((1, 3), False, {"a.ocr.pdf": 2}),
        ((2, 3), True, {"a-002.ocr.pdf": 1, "a-003.ocr.pdf": 1}),
    ],
)
def test_pages_that_were_not_read_are_left_out(wanted, split, files, tmp_path):
    original = write_pdf(tmp_path / "a.pdf", [RED, RED, RED])
    with Results(str(tmp_path / "out"), choose_writers(["pdf"]), split=split).of(
        Source(original, Path("a")), original.read_bytes()
    ) as written:
        for number in wanted:
            written.add(
                Page("a.pdf", 100, 200, [text_line(f"page {number}", 9, 9)], number=number),
                np.zeros((100, 200, 3), np.uint8),
                pages=3,
            )
    found = {}
    for path in (tmp_path / "out").iterdir():
        sheets = pypdf.PdfReader(path, strict=True).pages
        found[path.name] = len(sheets)
        assert sheets[-1].extract_text().strip() == f"page {path.name[4] if split else 3}"
    assert found == files


def test_a_page_that_is_not_there_is_named(tmp_path):
    original = write_pdf(tmp_path / "a.pdf", [RED])
    with pytest.raises(ConfigError, match=r"a\.pdf: has 1 pages, page 2 is not one of them"):
        WRITERS["pdf"].write(
            Page("a.pdf", 9, 9, number=2), np.zeros((9, 9, 3), np.uint8), tmp_path / "o", original=original
        )


def test_a_page_found_on_its_side_is_shown_upright(tmp_path):
    original = write_pdf(tmp_path / "a.pdf", [RED])
    page = Page("a.pdf", 100, 200, [text_line("standing", 90, 9, degrees=90)], rotation=90)
    WRITERS["pdf"].write(page, np.zeros((100, 200, 3), np.uint8), tmp_path / "out.pdf", original=original)
    with pikepdf.open(tmp_path / "out.pdf") as document:
        assert document.pages[0].obj.Rotate == 270


def test_a_pdf_that_cannot_be_copied_becomes_pictures(tmp_path):
    """What PDFium can draw is written in any case."""
    image = np.full((50, 80, 3), 200, np.uint8)
    page = Page("a.pdf", 50, 80, [text_line("text", 9, 9)])
    WRITERS["pdf"].write(page, image, tmp_path / "out.pdf", original=b"%PDF-1.7\nnothing")
    assert pypdf.PdfReader(tmp_path / "out.pdf", strict=True).pages[0].extract_text().strip() == "text"


def test_read_again_the_text_is_not_there_twice(tmp_path):
    """A searchable PDF that is read once more gets no second layer of the same text."""
    original = write_pdf(tmp_path / "a.pdf", [RED])
    for number in (1, 2):
        (image,) = open_pages(original, dpi=72)
        page = Page("a.pdf", 72, 144, [text_line("the text", 9, 9)], embedded_text=image.text)
        WRITERS["pdf"].write(page, image.pixels, tmp_path / f"{number}.pdf", original=original)
        original = tmp_path / f"{number}.pdf"
    assert pypdf.PdfReader(original, strict=True).pages[0].extract_text().split() == ["the", "text"]


def jpeg(path, image=None, **options) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (12, 20, 3), np.uint8)
    picture = image or Image.fromarray(noise).resize((200, 120), Image.Resampling.BICUBIC)
    picture.save(path, format="JPEG", quality=85, **options)
    return path


@pytest.fixture
def picture_stream():
    """Returns the stream of the picture on the first page of a PDF."""
    with ExitStack() as opened:
        yield lambda path: opened.enter_context(pikepdf.open(path)).pages[0].obj.Resources.XObject.I


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_stream_of_a_jpeg_is_kept_and_shown_as_it_was_read(orientation, picture_stream, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = jpeg(tmp_path / "a.jpg", exif=exif)
    image = load_image(path)
    page = Page("a.jpg", *image.shape[:2], dpi=72)
    WRITERS["pdf"].write(page, image, tmp_path / "out.pdf", original=path)
    assert picture_stream(tmp_path / "out.pdf").read_raw_bytes() == path.read_bytes()
    assert (tmp_path / "out.pdf").stat().st_size < path.stat().st_size + 2500
    with pypdfium2.PdfDocument(tmp_path / "out.pdf") as document:
        shown = document[0].render(scale=1).to_numpy()[..., ::-1]
    assert shown.shape[:2] == image.shape[:2]
    assert np.abs(shown.astype(int) - image).mean() < 12, "turned wrongly it is 60"


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_modes_of_jpeg(mode, tmp_path):
    path = jpeg(tmp_path / "a.jpg", Image.new(mode, (90, 60), 60 if mode == "L" else (200, 30, 0, 20)))
    image = load_image(path)
    WRITERS["pdf"].write(Page("a.jpg", *image.shape[:2]), image, tmp_path / "out.pdf", original=path)
    with pypdfium2.PdfDocument(tmp_path / "out.pdf") as document:
        shown = document[0].render(scale=0.2).to_numpy()[..., ::-1]
    assert np.abs(shown.mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 60, "inverted it is 100 and more"


def test_a_color_profile_is_kept(picture_stream, tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = jpeg(tmp_path / "a.jpg", icc_profile=profile)
    image = load_image(path)
    WRITERS["pdf"].write(Page("a.jpg", *image.shape[:2]), image, tmp_path / "out.pdf", original=path)
    space = picture_stream(tmp_path / "out.pdf").ColorSpace
    assert space[0] == "/ICCBased" and space[1].read_bytes() == profile


@pytest.mark.parametrize(
    ("original", "reason"),
    [(None, "not known"), (b"\xff\xd8\xff and no more", "damaged"), (Path("b.jpg"), "of another picture")],
)
def test_pixels_are_written_where_no_stream_fits(original, reason, picture_stream, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jpeg(Path("b.jpg"))
    image = np.full((50, 80, 3), (200, 40, 90), np.uint8)
    WRITERS["pdf"].write(Page("a.jpg", 50, 80), image, Path("out.pdf"), original=original)
    kept = Image.open(io.BytesIO(picture_stream("out.pdf").read_raw_bytes()))
    assert kept.size == (80, 50) and abs(np.asarray(kept).astype(int) - image).max() < 4, reason


@pytest.mark.parametrize("name", ["a.jpg", "a.pdf", "a.png"])
def test_the_same_page_gives_the_same_bytes(name, tmp_path, monkeypatch):
    import time

    original = tmp_path / name
    if name == "a.pdf":
        write_pdf(original, [RED])
    else:
        jpeg(original)
    page = Page("a", 120, 200, [text_line("words of a line", 9, 9)])
    image = np.random.default_rng(0).integers(0, 255, (120, 200, 3), np.uint8)
    written = []
    for day in range(2):
        monkeypatch.setattr(time, "time", lambda day=day: 1.7e9 + 86400 * day)
        pdf_font._program.cache_clear()  # Another run makes the font anew.
        WRITERS["pdf"].write(page, image, tmp_path / "out.pdf", original=original)
        written.append((tmp_path / "out.pdf").read_bytes())
    assert written[0] == written[1]
