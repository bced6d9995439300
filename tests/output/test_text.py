import pytest

from ocr.errors import ConfigError
from ocr.output import WRITERS
from ocr.output.text import join_lines, page_text
from ocr.types import Page
from tests.helpers.pages import text_line


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


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("lines", "Es war ein-\nmal ein\nKönig.\nDer hatte\n"),
        ("paragraphs", "Es war ein-\nmal ein\nKönig.\n\nDer hatte\n"),
        ("running", "Es war einmal ein König.\n\nDer hatte\n"),
    ],
)
def test_layouts(layout, text):
    places = [("Es war ein-", 30), ("mal ein", 60), ("König.", 90), ("", 120), ("Der hatte", 200)]
    page = Page("a.jpg", 400, 400, [text_line(content, 40, y) for content, y in places])
    assert page_text(page, layout) == text


@pytest.mark.parametrize(
    ("lines", "text", "reason"),
    [
        ([], "", "nothing"),
        (["one"], "one", "one line"),
        (["one", "two"], "one two", "words"),
        (["Schiff-", "fahrt"], "Schifffahrt", "divided"),
        (["tran\u00ac", "scribe"], "transcribe", "the sign that transcribers use"),
        (["Hand=", "schrift"], "Handschrift", "the double stroke of old hands"),
        (["Jean-", "Paul"], "Jean-Paul", "a name keeps its hyphen"),
        (["1914-", "1918"], "1914-1918", "so do years"),
        (["2 =", "two"], "2 = two", "a sign by itself"),
        (["yes -", "no"], "yes - no", "a dash"),
        (["a-", "", "b"], "ab", "lines that were read as nothing"),
        (["well-", "(known)"], "well- (known)", "nothing to join"),
    ],
)
def test_divided_words_are_put_together(lines, text, reason):
    assert join_lines([line for line in lines if line]) == text, reason


def test_an_unknown_layout_is_named(page):
    with pytest.raises(ConfigError, match="text=poem: choose from lines, paragraphs, running"):
        page_text(page, "poem")
