"""Page sizes from the headers alone."""

import io

import pytest
from PIL import Image

from ocr.errors import ImageError
from ocr.image.headers import page_sizes
from tests.helpers.pdf import write_pdf


def encoded(*sizes, form, **options) -> bytes:
    first, *others = [Image.new("L", size) for size in sizes]
    more = {"save_all": True, "append_images": others} if others else {}
    buffer = io.BytesIO()
    first.save(buffer, format=form, **more, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sizes", "why"),
    [
        (encoded((30, 20), form="PNG"), [(20, 30)], "height before width"),
        (encoded((30, 20), form="PNG")[:60], [(20, 30)], "the pixels may be missing"),
        (encoded((30, 20), (5, 7), form="TIFF"), [(20, 30), (7, 5)], "every page of a TIFF"),
        (encoded((30, 20), (30, 20), form="GIF"), [(20, 30)], "pictures that move are one page"),
    ],
)
def test_sizes_are_those_of_the_header(content, sizes, why):
    assert page_sizes(content) == sizes, why


def test_the_pages_of_a_pdf_are_counted(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", ["", "", ""])
    assert page_sizes(path) == page_sizes(path.read_bytes()) == [(0, 0)] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"hello", "not a picture"), (b"%PDF-1.7", "damaged")],
)
def test_what_cannot_be_opened_is_named(content, message):
    with pytest.raises(ImageError, match=f"^x.jpg: .*{message}"):
        page_sizes(content, name="x.jpg")
