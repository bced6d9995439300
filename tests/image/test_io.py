"""Every kind of picture comes out as upright RGB; everything else as one line that names the file."""

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from ocr.errors import ImageError
from ocr.image.io import load_image, open_pages
from ocr.image.plain import plain_size
from tests.helpers.pictures import jpeg_of_scans, png_header


def gradient(mode: str = "RGB") -> Image.Image:
    ramp = np.tile(np.arange(40, dtype=np.uint8) * 6, (30, 1))
    return Image.fromarray(ramp).convert(mode)


@pytest.mark.parametrize(
    ("suffix", "mode", "tolerance", "why"),
    [
        (".jpg", "RGB", 12, "lossy"),
        (".jpg", "L", 12, "grey"),
        (".jpg", "CMYK", 14, "print colors"),
        (".png", "RGB", 0, "lossless"),
        (".png", "L", 0, "grey"),
        (".png", "P", 0, "palette"),
        (".webp", "RGB", 12, "lossy"),
        (".tif", "L", 0, "lossless"),
        (".bmp", "RGB", 0, "lossless"),
    ],
)
def test_formats_and_modes(tmp_path, suffix, mode, tolerance, why):
    path = tmp_path / f"a{suffix}"
    gradient(mode).save(path)
    found = load_image(path)
    assert found.dtype == np.uint8 and found.shape == (30, 40, 3)
    assert np.abs(found.astype(int) - np.asarray(gradient()).astype(int)).max() <= tolerance


def test_bilevel_keeps_ink_black_and_paper_white(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(np.eye(8, dtype=bool)).save(path)
    assert np.array_equal(load_image(path)[:, :, 0], np.eye(8, dtype=np.uint8) * 255)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_exif_orientations(tmp_path, suffix, orientation):
    """As Pillow turns them; 0 and 9 mean nothing, and turn nothing."""
    path = tmp_path / f"a{suffix}"
    picture = Image.fromarray(np.add.outer(np.arange(30) * 5, np.arange(40) * 2).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.convert("RGB").save(path, exif=exif, quality=95)
    turned = picture.copy()
    turned.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(turned)).astype(int)
    assert expected.shape == ((40, 30) if orientation in (5, 6, 7, 8) else (30, 40))
    found = load_image(path)[:, :, 0].astype(int)
    assert found.shape == expected.shape and np.abs(found - expected).max() < 9


def test_orientation_data_that_mean_nothing_cost_nothing(tmp_path):
    path = tmp_path / "a.jpg"
    gradient().save(path, exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    assert load_image(path).shape == (30, 40, 3)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_of_a_moving_picture_the_first_frame_is_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    frames = [Image.new("L", (9, 9), shade) for shade in (10, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    (page,) = open_pages(path)
    assert abs(int(page.pixels[0, 0, 0]) - 10) < 6


@pytest.mark.parametrize(
    ("mode", "grey"),
    [("LAB", (128, 128, 128)), ("1", 1), ("YCbCr", (200, 128, 128)), ("F", 0.5), ("I", 70000)],
)
def test_rare_modes_of_tiff(tmp_path, mode, grey):
    path = tmp_path / "a.tif"
    Image.new(mode, (9, 7), grey).save(path)
    found = load_image(path)
    assert found.shape == (7, 9, 3) and np.ptp(found) <= 4, "grey all over"


def test_twelve_bits_in_sixteen_use_the_whole_range(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.tile(np.arange(40, dtype=np.uint16), (30, 1)) * 100).save(path)
    found = load_image(path)
    assert found.min() == 0 and found.max() == 255


def test_transparent_paper_is_white(tmp_path):
    path = tmp_path / "a.png"
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[5, 5] = (0, 0, 0, 255)
    Image.fromarray(pixels).save(path)
    found = load_image(path)
    assert found[0, 0].tolist() == [255, 255, 255] and found[5, 5].tolist() == [0, 0, 0]


def test_pages_of_a_tiff_come_in_order(tmp_path):
    path = tmp_path / "a.tif"
    pages = [Image.new("L", (9, 9), shade) for shade in (10, 20, 30)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert [page.pixels[0, 0, 0] for page in open_pages(path)] == [10, 20, 30]
    assert load_image(path)[0, 0, 0] == 10


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3), (5, 6, 4)])
def test_arrays_of_every_channel_count(shape):
    assert load_image(np.full(shape, 200, np.uint8)).shape == (5, 6, 3)


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def tiff_with_a_damaged_second_page() -> bytes:
    buffer = io.BytesIO()
    gradient().save(buffer, "TIFF", save_all=True, append_images=[gradient()])
    width_tag, other_tag = struct.pack("<HHI", 256, 4, 1), struct.pack("<HHI", 999, 4, 1)
    first, last = buffer.getvalue().rsplit(width_tag, 1)
    return first + other_tag + last


@pytest.mark.parametrize(
    ("content", "reason", "why"),
    [
        (b"", "empty", "an empty file"),
        (b"Dear Sir, this is text.", "not a picture", "text under a picture's name"),
        (b"\n<!DOCTYPE html><html>", "a web page, not a picture", "a link to a page about the picture"),
        (jpeg()[:3000], "damaged or cut off", "half a JPEG"),
        (png_header(30000, 30000), "900 megapixels", "a header that would take gigabytes"),
        (png_header(0, 10), "a.jpg", "no columns"),
        (tiff_with_a_damaged_second_page(), "damaged", "a page that does not tell its width"),
        (b"%PDF-1.4 hello", "a PDF that is damaged", "a document, hardly"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, content, reason, why):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        load_image(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_broken_page_is_told_and_the_others_follow(tmp_path):
    path = tmp_path / "a.tif"
    pages = [Image.new("L", (40, 40), shade) for shade in (10, 20, 30)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    with Image.open(path) as scan:
        scan.seek(1)
        start = scan.tag_v2[273][0]
    content[start : start + 9] = b"\xff" * 9
    path.write_bytes(content)
    problems = []
    found = [(page.number, page.pixels[0, 0, 0]) for page in open_pages(path, on_error=problems.append)]
    assert found == [(1, 10), (3, 30)]
    (problem,) = problems
    assert str(problem).startswith(f"{path}, page 2: damaged")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match="No such file"):
        load_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        load_image(tmp_path)


def test_one_pixel_is_a_picture(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (1, 1), "red").save(path)
    assert load_image(path).tolist() == [[[255, 0, 0]]]


@pytest.mark.parametrize(
    ("dpi", "found", "why"),
    [
        (None, 0, "not told"),
        ((300, 300), 300, "a scan"),
        ((72, 72), 0, "what cameras write"),
        ((96, 96), 0, "what screens write"),
        ((300, 150), 0, "a fax: no single value"),
        ((99999, 99999), 0, "nonsense"),
    ],
)
def test_believable_resolutions_are_kept(tmp_path, dpi, found, why):
    path = tmp_path / "a.tif"
    gradient().save(path, **({"dpi": dpi} if dpi else {}))
    (page,) = open_pages(path)
    assert page.dpi == found


def heic() -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(gradient()).save(buffer, quality=90)
    return buffer.getvalue()


def test_heic_is_read_with_its_extra(tmp_path):
    path = tmp_path / "a.heic"
    path.write_bytes(heic())
    found = load_image(path)
    assert found.shape == (30, 40, 3)
    assert np.abs(found.astype(int) - np.asarray(gradient()).astype(int)).mean() < 6


def test_heic_without_its_extra_names_it(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"a\.heic: HEIC needs the extra `heic`"):
        load_image(path)


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_takes_minutes(tmp_path):
    path = tmp_path / "scans.jpg"
    path.write_bytes(jpeg_of_scans(64, 101))
    for source in (path, path.read_bytes()):
        with pytest.raises(ImageError, match="a JPEG of more than 100 scans"):
            load_image(source)
    assert plain_size(path.read_bytes()) is None, "nor does OpenCV get it"
    # What follows the picture, as the film of a telephone's picture does, may hold any bytes.
    few = jpeg_of_scans(64, 100) + b"\xff\xda\0\2" * 200
    assert load_image(few).shape == (64, 64, 3)
