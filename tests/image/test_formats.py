"""Files as scanners, cameras and programs write them: other headers, other suffixes, frames that are no pages."""

import io

import numpy as np
import pytest
from PIL import Image, features

from ocr.errors import ImageError
from ocr.image.headers import page_sizes
from ocr.image.io import load_image, open_pages
from ocr.image.kinds import PAGE_SUFFIXES
from tests.helpers.pdf import shade, write_pdf
from tests.helpers.pictures import tiff


@pytest.mark.parametrize(
    "before", [b"\xef\xbb\xbf", b"\n\n", b"Content-Type: application/pdf\r\n\r\n", b"\0" * 900]
)
def test_a_pdf_header_may_come_later(tmp_path, before):
    content = write_pdf(tmp_path / "a.pdf", [shade(0.5)]).read_bytes()
    (page,) = open_pages(before + content)
    assert page.pixels.mean() == pytest.approx(127.5, abs=1)
    assert page_sizes(before + content) == [(0, 0)]


def test_a_picture_that_speaks_of_pdf_is_a_picture():
    buffer = io.BytesIO()
    Image.new("L", (9, 9), 50).save(buffer, "JPEG", comment=b"%PDF-1.7 made this")
    assert load_image(buffer.getvalue()).shape == (9, 9, 3)


def saved(kind: str) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(np.arange(0, 240, 10, np.uint8).repeat(24).reshape(24, 24))
    image.save(buffer, kind, **({"quality": 95} if kind in ("JPEG", "AVIF") else {}))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        *((".jfif", "JPEG"), (".jpe", "JPEG"), (".gif", "GIF"), (".pgm", "PPM"), (".pnm", "PPM")),
        *((".ppm", "PPM"), (".pbm", "PPM"), (".jp2", "JPEG2000"), (".avif", "AVIF")),
    ],
)
def test_other_suffixes_are_looked_for_and_read(tmp_path, suffix, kind):
    if not features.check({"JPEG2000": "jpg_2000", "AVIF": "avif"}.get(kind, "zlib")):
        pytest.skip(f"Pillow without {kind}")
    assert suffix in PAGE_SUFFIXES
    path = tmp_path / f"a{suffix}"
    path.write_bytes(saved(kind))
    assert np.abs(load_image(path)[:, 0, 0].astype(int) - np.arange(0, 240, 10)).max() < 12


@pytest.mark.parametrize(
    ("kind", "sample_format"), [(np.uint32, 1), (np.int32, 2), (np.float32, 3), (np.float64, 3)]
)
def test_tiff_of_32_and_64_bits_keeps_its_order(kind, sample_format):
    high = 2**32 - 1 if kind is np.uint32 else 2**31 - 1 if kind is np.int32 else 1.0
    values = (np.linspace(0, 1, 16).reshape(4, 4) * high).astype(kind)
    found = load_image(tiff(values, sample_format=sample_format))[:, :, 0].ravel().astype(int)
    assert found.tolist() == np.round(np.linspace(0, 255, 16)).astype(int).tolist()


def test_thumbnails_and_masks_in_a_tiff_are_no_pages(tmp_path):
    """As image libraries keep smaller versions of a scan, and some scanners a preview, beside it."""
    pages = [Image.new("L", (40, 40), 10), Image.new("L", (10, 10), 99), Image.new("L", (40, 40), 20)]
    for number, kind in enumerate((0, 1, 4)):
        pages[number].encoderinfo = {"tiffinfo": {254: kind}}
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=[*pages[1:], Image.new("L", (40, 40), 30)])
    found = [(page.number, int(page.pixels[0, 0, 0])) for page in open_pages(buffer.getvalue())]
    assert found == [(1, 10), (2, 30)]
    assert page_sizes(buffer.getvalue()) == [(40, 40), (40, 40)]


def test_light_ink_on_transparency_lies_on_black(tmp_path):
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[10:14, 5:50] = (250, 250, 240, 255)
    found = load_image(pixels)
    assert found[12, 20].min() > 230 and found[30, 30].max() == 0
    pixels[10:14, 5:50, :3] = 30
    assert load_image(pixels)[30, 30].min() == 255, "dark ink, as ever, on white"


def test_a_cut_out_piece_of_paper_stays_on_white():
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[5:25, 5:40] = 255
    pixels[10:14, 10:30, :3] = 20
    assert load_image(pixels)[35, 55].min() == 255


def scan_pdf(path, image: Image.Image, *, width: float, height: float, text: str = "", mode: int = 3) -> None:
    """A page with a picture over all of it, and text in a render mode (3: invisible)."""
    from ocr.output.pdf_objects import PdfObjects

    with open(path, "wb") as stream:
        objects = PdfObjects(stream)
        tree = objects.reserve()
        font = objects.dictionary({"Type": "/Font", "Subtype": "/Type1", "BaseFont": "/Helvetica"})
        fields = {
            "Type": "/XObject",
            "Subtype": "/Image",
            "Width": str(image.width),
            "Height": str(image.height),
            "ColorSpace": "/DeviceGray",
            "BitsPerComponent": "8",
        }
        picture = objects.stream(image.tobytes(), fields)
        words = f"BT /F 12 Tf {mode} Tr 9 9 Td ({text}) Tj ET" if text else ""
        content = objects.stream(f"q {width} 0 0 {height} 0 0 cm /I Do Q {words}".encode(), {})
        resources = f"<< /Font << /F {font} 0 R >> /XObject << /I {picture} 0 R >> >>"
        page = objects.dictionary(
            {
                "Type": "/Page",
                "Parent": f"{tree} 0 R",
                "MediaBox": f"[0 0 {width} {height}]",
                "Resources": resources,
                "Contents": f"{content} 0 R",
            }
        )
        objects.dictionary({"Type": "/Pages", "Kids": f"[{page} 0 R]", "Count": "1"}, number=tree)
        root = objects.dictionary({"Type": "/Catalog", "Pages": f"{tree} 0 R"})
        objects.finish(root=root, info=root)


@pytest.mark.parametrize(
    ("size", "points", "text", "mode", "expected"),
    [
        ((510, 660), (122.4, 158.4), "", 3, 300),
        ((510, 660), (122.4, 158.4), "read before", 3, 300),
        ((170, 220), (122.4, 158.4), "", 3, 100),
        ((170, 220), (122.4, 158.4), "a stamp", 0, 200),
        ((20, 30), (144, 216), "", 3, 72),
        ((2000, 2000), (72, 72), "", 3, 600),
    ],
    ids=[
        "a scan",
        "a scan with recognized text",
        "a coarse scan",
        "text over a picture",
        "too coarse",
        "too fine",
    ],
)
def test_a_page_that_is_a_scan_has_the_pixels_of_the_scan(tmp_path, size, points, text, mode, expected):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, size[::-1], np.uint8))
    scan_pdf(tmp_path / "a.pdf", image, width=points[0], height=points[1], text=text, mode=mode)
    (page,) = open_pages(tmp_path / "a.pdf")
    assert page.dpi == pytest.approx(expected, rel=1e-3)
    if expected in (100, 300) and not text:
        assert page.pixels.shape[:2] == size[::-1]
        assert np.abs(page.pixels[:, :, 0].astype(int) - np.asarray(image)).max() <= 1, "not drawn anew"
    (chosen,) = open_pages(tmp_path / "a.pdf", dpi=50)
    assert chosen.dpi == 50


def test_text_alone_is_drawn_at_the_usual_resolution(tmp_path):
    (page,) = open_pages(write_pdf(tmp_path / "a.pdf", [shade(0.5)]))
    assert page.dpi == 200


def test_other_files_are_refused_by_name(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"PK\3\4 no picture")
    with pytest.raises(ImageError, match=r"a\.docx: not a picture or PDF"):
        load_image(tmp_path / "a.docx")


@pytest.mark.parametrize(
    ("keep", "reason"), [(7, "no directory"), (60, "pixels alone"), (150, "half a directory")]
)
def test_a_damaged_tiff_of_64_bits_is_refused(keep, reason):
    content = tiff(np.linspace(0, 1, 16).reshape(4, 4), sample_format=3)[:keep]
    with pytest.raises(ImageError, match="image: "):
        load_image(content)
