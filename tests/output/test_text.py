import pytest

from ocr.output import WRITERS
from ocr.output.text import page_text
from ocr.types import Page


def test_unread_lines_leave_no_empty_line(page):
    assert page_text(page) == 'Żółw & <b>\n"last" line\n'


def test_an_empty_page_is_an_empty_text():
    assert page_text(Page("blank.jpg", 10, 10)) == ""


def test_file_is_utf8_with_plain_newlines(page, tmp_path):
    WRITERS["txt"].write(page, None, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_bytes() == 'Żółw & <b>\n"last" line\n'.encode()


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_every_format_reports_an_unwritable_path(page, image, name, tmp_path):
    """The command line turns an OSError that names the file into one line."""
    path = tmp_path / "no such folder" / "out"
    with pytest.raises(OSError) as caught:
        WRITERS[name].write(page, image, path)
    assert caught.value.filename == str(path)
