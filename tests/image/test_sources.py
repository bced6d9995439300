"""Whatever holds a picture in Python is loaded; anything else is one error of the package."""

import io

import numpy as np
import pytest
from PIL import Image

from ocr.errors import ConfigError, ImageError
from ocr.image.io import load_image, open_pages
from ocr.image.page_image import PageRange
from tests.helpers.pdf import shade, write_pdf


def encoded() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (6, 5), 77).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path,
        lambda path: str(path),
        lambda path: path.read_bytes(),
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: open(path, "rb"),  # noqa: SIM115 - closed with the test
        lambda path: Image.open(path),
        lambda path: np.full((5, 6), 77, np.uint8),
        lambda path: np.full((5, 6, 4), (77, 77, 77, 255), np.uint8),
    ],
    ids=[
        "path",
        "text",
        "bytes",
        "bytearray",
        "view",
        "buffer",
        "file",
        "Pillow",
        "gray array",
        "RGBA array",
    ],
)
def test_every_kind_of_source_is_loaded(tmp_path, make):
    (tmp_path / "a.png").write_bytes(encoded())
    source = make(tmp_path / "a.png")
    found = load_image(source)
    assert found.shape == (5, 6, 3) and (found == 77).all()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "NoneType: expected a path, bytes"),
        (5, "int: expected a path"),
        (["a.png"], "list: expected a path"),
        ({"image": 1}, "dict: expected a path"),
        (io.StringIO("text"), "open the file for reading bytes"),
        (np.zeros((5, 6), np.float32), "array: must be uint8"),
        (np.zeros((5, 6, 2), np.uint8), "2 channels"),
        (np.zeros((0, 6, 4), np.uint8), "array: must be uint8"),
        (np.zeros(5, np.uint8), "array: must be uint8"),
        (Image.new("RGB", (0, 5)), "no pixels"),
        (b"", "the file is empty"),
        ("no\0file", "null"),
    ],
)
def test_anything_else_is_one_error(source, message):
    with pytest.raises(ImageError, match=message) as caught:
        load_image(source)
    assert "\n" not in str(caught.value)


def test_a_closed_file_is_one_error(tmp_path):
    buffer = io.BytesIO(encoded())
    buffer.close()
    with pytest.raises(ImageError, match="cannot be read"):
        load_image(buffer)


@pytest.mark.parametrize(
    ("pages", "numbers"),
    [("1-2", [1, 2]), (3, [3]), ([3, 1], [1, 3]), (range(2, 4), [2, 3]), (PageRange.parse("2"), [2])],
)
def test_pages_are_named_in_any_way(tmp_path, pages, numbers):
    path = write_pdf(tmp_path / "a.pdf", [shade(0.5)] * 3)
    assert [page.number for page in open_pages(io.BytesIO(path.read_bytes()), pages=pages, dpi=20)] == numbers


@pytest.mark.parametrize("pages", [0, -1, True, 1.5, None, [], ["1"], "one", [0]])
def test_what_names_no_pages_is_one_error(pages):
    with pytest.raises(ConfigError, match="pages="):
        next(open_pages(encoded(), pages=pages))


@pytest.mark.parametrize("dpi", ["300", True, [200], float("nan")])
def test_what_is_no_resolution_is_one_error(dpi):
    with pytest.raises(ConfigError, match="dpi="):
        next(open_pages(encoded(), dpi=dpi))
