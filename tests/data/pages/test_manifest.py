import json

import numpy as np
import pytest
from PIL import Image

from ocr.data.pages.manifest import PagesManifest
from ocr.errors import DataError

LINE = {
    "id": "l1",
    "polygon": [[10, 10], [10, 20], [90, 20], [90, 10]],
    "baseline": [[10, 18], [90, 18]],
    "text": "l’été",
    "kind": "handwritten",
}
ROW = {
    "id": "p1",
    "file": "pages/set/p1.png",
    "width": 100,
    "height": 50,
    "source": "set",
    "split": "train",
    "lines": [LINE, {**LINE, "id": "l2", "skip": "illegible"}],
}


@pytest.fixture
def write(tmp_path):
    (tmp_path / "pages" / "set").mkdir(parents=True)
    image = np.full((50, 100, 3), 255, np.uint8)
    image[10:20, 10:90] = (200, 0, 0)
    Image.fromarray(image).save(tmp_path / "pages" / "set" / "p1.png")

    def write(*rows: dict | str):
        text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
        (tmp_path / "pages" / "pages.jsonl").write_text(text)
        return tmp_path / "pages" / "pages.jsonl"

    return write


def test_a_page_with_its_lines(write):
    ignore = [[[0, 30], [50, 30], [50, 50], [0, 50]]]
    image, page = PagesManifest(write({**ROW, "ignore": ignore, "complete": False}))[0]
    assert image.shape == (50, 100, 3) and image[15, 50].tolist() == [200, 0, 0]
    assert (page.source, page.height, page.width, page.complete) == ("p1", 50, 100, False)
    assert [(line.id, line.text, line.kind) for line in page.lines] == [
        ("l1", "l'été", "handwritten"),
        ("l2", "", "handwritten"),
    ]
    assert {tuple(p) for p in page.lines[1].polygon.tolist()} == {(10, 10), (10, 20), (90, 20), (90, 10)}
    assert page.lines[0].polygon.dtype == page.lines[0].baseline.dtype == np.float32
    assert [polygon.tolist() for polygon in page.ignore] == ignore


def test_splits_and_sources(write):
    path = write(ROW, {**ROW, "split": "val"}, {**ROW, "split": "val", "source": "other"})
    assert [len(PagesManifest(path)), len(PagesManifest(path, split="val"))] == [3, 2]
    assert len(PagesManifest(path, split="val", sources=["other"])) == 1
    assert PagesManifest(path, split="train").page(0).complete
    with pytest.raises(DataError, match="no pages with split='test'"):
        PagesManifest(path, split="test")


@pytest.mark.parametrize(
    ("rows", "message", "reason"),
    [
        ((ROW, "{broken"), r"pages\.jsonl:2: not JSON", "malformed row"),
        ((ROW, {"id": "p2"}), r"pages\.jsonl:2: missing file, width", "keys missing"),
        (("[1]",), r"pages\.jsonl:1: missing id", "not an object"),
        (("[" * 100_000,), r"pages\.jsonl:1: not JSON", "nested deeper than can be read"),
        (({**ROW, "width": "100"},), r"pages\.jsonl:1: width is '100', expected whole pixels", "a text"),
        (({**ROW, "height": 3e8},), "height is '300000000.0', expected whole pixels", "no page is so large"),
        (({**ROW, "height": 0},), "height is '0', expected whole pixels", "no pixels"),
        (({**ROW, "id": 5},), "id is '5', expected text", "a number for a name"),
        (({**ROW, "file": None},), "file is 'None', expected text", "no name"),
        (({**ROW, "lines": "l1"},), "lines is 'l1', expected a list", "no list"),
        (({**ROW, "page": "two"},), "page is 'two', expected the number of a page", "no number"),
    ],
)
def test_malformed_rows_are_named(write, rows, message, reason):
    with pytest.raises(DataError, match=message):
        PagesManifest(write(*rows))


@pytest.mark.parametrize(
    ("changes", "message", "reason"),
    [
        ({"file": "gone.png"}, "gone.png", "no image"),
        ({"width": 90}, r"image is \(50, 100\), the row says \(50, 90\)", "another size"),
        ({"lines": [{**LINE, "polygon": [[1, 1]]}]}, "line 'l1': an outline needs 3 points", "outline"),
        ({"lines": [{**LINE, "polygon": "x"}]}, "line 'l1': not a list of", "outline of another type"),
        ({"lines": [{"id": "l1"}]}, "line 'l1': missing 'polygon'", "no outline"),
        ({"lines": [7]}, "page 'p1'", "a line that is no object"),
        ({"lines": [{**LINE, "text": 7}]}, "line 'l1': expected text, got '7'", "a number for a text"),
        ({"lines": [{**LINE, "kind": ["print"]}]}, "line 'l1': expected text", "a list for a text"),
        ({"lines": [{**LINE, "polygon": [[1, 1], [3e8, 1], [9, 9]]}]}, "farther away", "no page is so large"),
        (
            {"lines": [{**LINE, "polygon": [[1, 1], [10**400, 1], [9, 9]]}]},
            "not a list of",
            "no number holds it",
        ),
        ({"ignore": [[[0, 0]]]}, "an outline needs 3 points", "ignored area"),
    ],
)
def test_an_unusable_page_is_named(write, changes, message, reason):
    pages = PagesManifest(write("", {**ROW, **changes}))
    with pytest.raises(DataError, match=r"pages\.jsonl:2: page 'p1'"):
        pages[0]
    with pytest.raises(DataError, match=message):
        pages[0]
