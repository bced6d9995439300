"""More pixels than reading needs: reduced by a whole number, and the places told in the file's own pixels."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr.commands import read
from ocr.geometry import resize_page
from ocr.image.io import load_image, open_pages
from tests.helpers.pages import PAGES


def ramp(width=401, height=301) -> np.ndarray:
    """(h, w) uint8, darker to the left and the top, so that turned or shifted pixels show."""
    return (np.add.outer(np.arange(height) * 0.2, np.arange(width) * 0.4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("a.jpg", "RGB", "decoded at half its size"),
        ("a.jpg", "CMYK", "four channels"),
        ("a.png", "L", "reduced after decoding"),
        ("a.png", "RGBA", "transparency is flattened first"),
        ("a.png", "P", "colors are averaged, not their numbers"),
        ("a.png", "I;16", "16 bits become 8 first"),
        ("a.tif", "RGB", "reduced after decoding"),
        ("a.webp", "RGB", "reduced after decoding"),
    ],
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_large_pictures_are_reduced(tmp_path, name, mode, reason, orientation):
    grey = Image.fromarray(ramp())
    picture = grey.convert(mode) if mode != "I;16" else Image.fromarray(ramp().astype(np.uint16) * 16)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / name, exif=exif, dpi=(300, 300))
    (whole,) = open_pages(tmp_path / name)
    (page,) = open_pages(tmp_path / name, max_pixels=50_000)
    height, width = whole.pixels.shape[:2]
    assert (whole.reduced_from, page.reduced_from) == (None, (height, width))
    assert sorted(page.pixels.shape) == [3, 151, 201], reason
    expected = np.asarray(Image.fromarray(whole.pixels).reduce(2)).astype(int)
    assert np.abs(page.pixels.astype(int) - expected).max() <= 12
    if whole.dpi:
        assert page.dpi == pytest.approx(150, rel=0.01)


def test_of_bands_and_of_one_piece_the_picture_is_the_same(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (97, 53, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    one = [load_image(tmp_path / "a.png"), next(open_pages(tmp_path / "a.png", max_pixels=600)).pixels]
    monkeypatch.setattr("ocr.image.rgb._BAND", 400)
    many = [load_image(tmp_path / "a.png"), next(open_pages(tmp_path / "a.png", max_pixels=600)).pixels]
    assert np.array_equal(one[0], noise)
    assert one[1].shape == (33, 18, 3)
    for a, b in zip(one, many, strict=True):
        assert np.array_equal(a, b)


def test_places_are_the_files_and_the_picture_fits_them(tmp_path, monkeypatch, tiny_recognizer):
    """Formats without the image name its pixels in the file; those with it name their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ocr.commands.read_files.ENOUGH_PIXELS", 400)
    Image.new("L", (80, 16), 200).save("a.png", dpi=(300, 300))
    formats = "json,alto,page,hocr,tsv,txt,pdf,html,draw"
    arguments = [f"recognizer={tiny_recognizer}", "detector=none", "input=a.png", "output=out"]
    assert read.main([*arguments, f"formats={formats}"]) == 0
    page = json.loads(Path("out/a.json").read_text())
    assert (page["height"], page["width"], page["dpi"]) == (16, 80, pytest.approx(300, abs=0.1))
    assert page["lines"][0]["polygon"] == [[0, 0], [80, 0], [80, 16], [0, 16]]
    assert 'WIDTH="80"' in Path("out/a.alto.xml").read_text()
    assert Image.open("out/a.draw.png").size == (40, 8)


def test_a_page_comes_back_from_another_size():
    page = PAGES["letters, markup and quotes"]
    assert resize_page(page, (page.height, page.width)) is page
    back = resize_page(resize_page(page, (450, 1400)), (page.height, page.width))
    for before, after in zip(page.lines, back.lines, strict=True):
        np.testing.assert_allclose(before.polygon, after.polygon, atol=1e-3)
        np.testing.assert_allclose(before.baseline, after.baseline, atol=1e-3)
        for one, other in zip(before.words, after.words, strict=True):
            np.testing.assert_allclose(one.polygon, other.polygon, atol=1e-3)
