"""What the workers do to rows, without Spark around it."""

import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

import pyarrow as pa
from lxml import etree

from ocr.detection.settings import DetectionSettings
from ocr.errors import ImageError
from ocr.geometry import RectifiedLine
from ocr.spark.batching import Failure, attempt, grouped
from ocr.spark.detect import Detect
from ocr.spark.draw import Draw
from ocr.spark.enums import Color, ImageType, OcrOutputFormat
from ocr.spark.grouping import WordGrouping, side_by_side
from ocr.spark.images import Decode, from_struct, to_struct
from ocr.spark.layout import formatted_text
from ocr.spark.recognize import Recognize, page_confidence, positions
from ocr.spark.regions import line_region, merge, region_line
from ocr.types import Page, TextLine, TextRegion, Word


def box(left, top, right, bottom) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def region(left, top, right, bottom, label="word") -> dict:
    place = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return place | {"index": 0, "page": 3, "score": 0.5, "label": label, "angle": 0.0, "rotated": False}


def line(text, left, top, right, bottom, confidence=1.0) -> TextLine:
    outline = box(left, top, right, bottom)
    words = [Word(text, outline, confidence)]
    return TextLine(outline, outline[[3, 2]], text, confidence, words)


def struct(mode, channels, data, height=1, width=1) -> dict:
    shape = {"height": height, "width": width, "nChannels": channels, "mode": mode}
    return shape | {"origin": "scan.png", "data": bytes(data)}


@pytest.mark.parametrize(
    ("given", "pixel", "reason"),
    [
        (struct(0, 1, [7]), [7, 7, 7], "grey"),
        (struct(16, 3, [1, 2, 3]), [3, 2, 1], "blue comes first"),
        (struct(24, 4, [1, 2, 3, 255]), [3, 2, 1], "opaque"),
        (struct(24, 4, [1, 2, 3, 0]), [255, 255, 255], "transparent: the paper"),
    ],
)
def test_pixels_of_every_mode_become_rgb(given, pixel, reason):
    assert from_struct(given)[0, 0].tolist() == pixel, reason


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (struct(16, 3, [1, 2]), "scan.png: 2 bytes of data for 1 x 1 x 3"),
        (struct(21, 3, [0] * 12), "scan.png: mode 21 is not an 8-bit image"),
        (struct(-1, -1, [], height=-1, width=-1), "scan.png: mode -1"),  # Spark's own mark of a broken file
        (struct(0, 1, [], height=0, width=5), "scan.png: 0 bytes of data for 0 x 5"),
    ],
)
def test_a_struct_that_holds_no_image_is_named(given, message):
    with pytest.raises(ImageError, match=message):
        from_struct(given)


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3)])
def test_a_struct_holds_the_same_pixels(shape):
    image = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    back = from_struct(to_struct(image, origin=""))
    assert np.array_equal(back if len(shape) == 3 else back[:, :, 0], image)


def test_the_pages_of_a_pdf_are_rows_with_its_resolution():
    stream = io.BytesIO()
    sheets = [Image.new("RGB", (72, 36), color) for color in ("red", "blue")]
    sheets[0].save(stream, format="PDF", save_all=True, append_images=sheets[1:], resolution=72)
    work = Decode((), (), pa.schema([]), 1, "content", "path", "image", ImageType.TYPE_3BYTE_BGR)
    rows = [columns for _, columns in work.compute([{"content": stream.getvalue(), "path": "two.pdf"}])]
    assert [row["pagenum"] for row in rows] == [0, 1]
    for row, color in zip(rows, [(255, 0, 0), (0, 0, 255)], strict=True):
        image = row["image"]
        size = image["height"], image["width"], image["resolution"]
        assert size == (36, 72, 72), "a page that is a scan keeps the scan's own pixels"
        assert np.abs(from_struct(image)[18, 36].astype(int) - color).max() < 3


def test_a_line_survives_its_region():
    bent = TextLine(
        np.array([(0, 0), (50, 9), (99, 0), (99, 20), (50, 29), (0, 20)], np.float32),
        np.array([(0, 15), (50, 24), (99, 15)], np.float32),
        detection_score=0.8,
    )
    made = line_region(bent, index=2, page=1)
    back = region_line(made)
    assert np.array_equal(back.polygon, bent.polygon) and np.array_equal(back.baseline, bent.baseline)
    assert (made["index"], made["page"], made["score"], made["label"]) == (2, 1, 0.8, "line")


def test_a_region_without_outline_is_read_along_its_width_even_if_it_is_higher():
    """A single letter must not be turned on its side."""
    straight = region_line(region(10, 10, 20, 40))
    assert straight.polygon.tolist() == box(10, 10, 20, 40).tolist()
    assert straight.baseline[:, 0].tolist() == [10, 20] and np.ptp(straight.baseline[:, 1]) == 0


@pytest.mark.parametrize(
    ("regions", "expected", "reason"),
    [
        ([], 0, "nothing"),
        ([region(0, 0, 50, 20), region(0, 15, 50, 35)], 2, "lines that touch stay apart"),
        ([region(0, 0, 50, 20), region(10, 5, 30, 15)], 1, "one inside the other"),
        ([region(0, 0, 20, 20), region(8, 0, 28, 20), region(16, 0, 36, 20)], 1, "a chain"),
        ([region(0, 0, 20, 20), region(100, 0, 120, 20)], 2, "far apart"),
    ],
)
def test_regions_that_cover_each_other_become_one(regions, expected, reason):
    merged = merge(regions)
    assert len(merged) == expected, reason
    assert [each["index"] for each in merged] == list(range(expected))
    if regions and expected == 1:
        right = max(each["x"] + each["width"] for each in regions)
        assert merged[0]["x"] + merged[0]["width"] == pytest.approx(right, abs=1)


def test_words_become_lines_from_left_to_right_and_down():
    words = [region(100, 12, 140, 30), region(10, 60, 50, 80), region(10, 10, 50, 30), region(60, 3, 90, 30)]
    rows = WordGrouping(tolerance=15, border=0, space=0, together=True).rows(words)
    assert [[word["x"] for word in row] for row in rows] == [[10, 60, 100], [10]]
    assert len(WordGrouping(tolerance=0, border=0, space=0, together=True).rows(words)) == 4


@pytest.mark.parametrize(("together", "images", "counts"), [(True, 2, [1, 1]), (False, 3, [2, 1])])
def test_grouped_words_are_one_image_a_line(together, images, counts):
    page = np.full((100, 200, 3), 255, np.uint8)
    words = [region(10, 10, 50, 30), region(60, 10, 90, 30), region(10, 60, 50, 80)]
    cut, made = WordGrouping(tolerance=15, border=5, space=10, together=together).cut(page, words)
    assert (len(cut.crops), made) == (images, counts)
    assert cut.lines[0].polygon[:, 1].min() == 5, "five pixels of border"


def test_places_in_words_side_by_side_are_where_the_words_are():
    def crop(left):
        shift = np.array([left, 100], np.float32)
        return RectifiedLine(np.zeros((8, 20, 3), np.uint8), lambda p: p + shift, lambda p: p - shift)

    joined = side_by_side([crop(50), crop(500)], space=10)
    assert joined.image.shape == (8, 50, 3) and (joined.image[:, 20:30] == 255).all()
    places = joined.to_page(np.array([(5, 4), (19, 0), (30, 8), (50, 8)]))
    assert places.tolist() == [[55, 104], [69, 100], [500, 108], [520, 108]]


def test_text_is_laid_out_as_on_the_page():
    lines = [
        line("left", 0, 0, 40, 20),
        line("right", 100, 2, 150, 22),
        line("indented", 20, 30, 100, 50),
        line("", 0, 60, 90, 80),
        line("after a gap", 0, 120, 110, 140),
        line("end", 0, 150, 30, 170),
    ]
    page = Page("", 200, 200, lines)
    assert formatted_text(page) == "left      right\n  indented\n\nafter a gap\nend"
    assert formatted_text(Page("", 10, 10)) == ""


def test_confidence_is_weighted_by_length_and_unknown_without_text():
    page = Page("", 9, 9, [line("abc", 0, 0, 9, 9, 1.0), line("d", 0, 0, 9, 9, 0.2), line("", 0, 0, 9, 9, 0)])
    assert page_confidence(page) == pytest.approx(0.8)
    assert page_confidence(Page("", 9, 9)) is None


def test_positions_are_upright_boxes_of_words():
    [first, second] = positions(Page("", 99, 99, [line("a", 0, 1, 5, 9), line("b", 2, 20, 8, 30)], number=4))
    assert (first["text"], first["x"], first["y"], first["width"], first["height"]) == ("a", 0, 1, 5, 8)
    assert (second["index"], second["page"]) == (1, 3)


@pytest.mark.parametrize(
    ("weights", "limit", "groups", "reason"),
    [
        ([], 2, [], "nothing"),
        ([1, 1, 1], 2, [[1, 1], [1]], "a rest is a group of its own"),
        (
            [3, 0, 0],
            2,
            [[3], [0, 0]],
            "what is too much alone is alone; what weighs nothing waits for no more",
        ),
    ],
)
def test_items_are_grouped_by_their_weights(weights, limit, groups, reason):
    assert list(grouped(weights, weight=float, limit=limit)) == groups, reason


def test_work_on_all_items_is_done_at_once():
    calls = []

    def double(items):
        calls.append(list(items))
        return [2 * item for item in items]

    assert attempt(double, [1, 2, 3]) == [2, 4, 6]
    assert attempt(double, []) == []
    assert calls == [[1, 2, 3]]


def test_an_item_that_fails_costs_only_itself():
    def double(items):
        if 0 in items:
            raise RuntimeError("too dark")
        return [2 * item for item in items]

    assert attempt(double, [1, 0, 2]) == [2, Failure("RuntimeError: too dark"), 4]
    assert attempt(double, [0]) == [Failure("RuntimeError: too dark")]


def test_lines_of_many_images_are_recognized_together(tiny_recognizer, monkeypatch):
    """In order, with an image that is none and one without regions between them."""
    from ocr.inference.recognizer import LineReader

    calls, read = [], LineReader.read
    monkeypatch.setattr(
        LineReader, "read", lambda self, images: calls.append(len(images)) or read(self, images)
    )
    grouping = WordGrouping(tolerance=15, border=5, space=10, together=True)
    bundle, text = str(tiny_recognizer), OcrOutputFormat.TEXT
    work = Recognize((), (), pa.schema([]), 5, "image", "regions", "text", bundle, text, grouping, 16, False)
    lines = [region(10, 10 + 20 * row, 90, 25 + 20 * row, "line") for row in range(3)]
    rows = [
        {"image": PAPER, "regions": lines},
        {"image": PAPER | {"mode": 5}, "regions": lines},
        {"image": None, "regions": None},
        {"image": PAPER, "regions": []},
        {"image": PAPER, "regions": lines[:1]},
    ]
    texts = [(index, columns.get("text")) for index, columns in work.compute(rows)]
    assert texts == [(0, "a\na\na"), (1, None), (2, None), (3, ""), (4, "a")]
    assert calls == [4]


def recognize(
    tiny_recognizer, row, *, regions=None, output_format=OcrOutputFormat.TEXT, together=True
) -> dict:
    grouping = WordGrouping(tolerance=15, border=5, space=10, together=together)
    bundle = str(tiny_recognizer)
    work = Recognize(
        (), (), pa.schema([]), 1, "image", regions, "text", bundle, output_format, grouping, 16, False
    )
    [(_, columns)] = work.compute([row])
    return columns


PAPER = to_struct(np.full((100, 200, 3), 200, np.uint8), origin="folder/scan.png")


@pytest.mark.parametrize(
    ("output_format", "text"),
    [
        (OcrOutputFormat.TEXT, "a"),
        (OcrOutputFormat.FORMATTED_TEXT, "a"),
        (OcrOutputFormat.TEXT_WITH_POSITIONS, "a"),
        (OcrOutputFormat.HOCR, None),
    ],
)
def test_the_output_format_decides_what_is_written(tiny_recognizer, output_format, text):
    columns = recognize(tiny_recognizer, {"image": PAPER, "pagenum": 2}, output_format=output_format)
    assert ("positions" in columns) == (output_format == OcrOutputFormat.TEXT_WITH_POSITIONS)
    if text is not None:
        assert columns["text"] == text
    else:
        [sheet] = etree.fromstring(columns["text"]).xpath("//*[@class='ocr_page']")
        assert 'image "scan.png"; bbox 0 0 200 100; ppageno 2' in sheet.get("title")
        assert "".join(sheet.itertext()).strip() == "a"


@pytest.mark.parametrize(
    ("label", "together", "text", "reason"),
    [
        ("word", True, "a\na", "two lines of words, an image each"),
        ("word", False, "a a\na", "three words, two of them in a line"),
        ("line", True, "a\na\na", "regions that are lines stay lines"),
    ],
)
def test_words_are_grouped_and_lines_are_not(tiny_recognizer, label, together, text, reason):
    regions = [region(10, 10, 50, 30, label), region(60, 10, 90, 30, label), region(10, 60, 50, 80, label)]
    row = {"image": PAPER, "regions": regions}
    assert recognize(tiny_recognizer, row, regions="regions", together=together)["text"] == text, reason


@pytest.mark.parametrize(
    ("row", "columns", "reason"),
    [
        ({"image": None, "regions": None}, {}, "decoding failed: no second message"),
        ({"image": PAPER, "regions": None}, {}, "detection failed"),
        ({"image": PAPER, "regions": []}, {"text": "", "confidence": None}, "a page without text"),
        (
            {"image": PAPER | {"mode": 5}, "regions": []},
            {"exception": "text: folder/scan.png: mode 5 is not an 8-bit image of 1, 3 or 4 channels"},
            "an image that is none",
        ),
    ],
)
def test_rows_that_cannot_be_read_pass(tiny_recognizer, row, columns, reason):
    assert recognize(tiny_recognizer, row, regions="regions") == columns, reason


def test_without_the_refiner_regions_are_words():
    class Words:
        settings = DetectionSettings(with_refiner=False)

        def find_words(self, image):
            return [TextRegion(box(10, 10, 50, 30), 0.75), TextRegion(box(60, 10, 90, 30), 0.5)]

    work = Detect((), (), pa.schema([]), 1, "image", "regions", "", None, False, False)
    [first, second] = work._find(Words(), from_struct(PAPER), 4)
    assert (first["label"], first["score"], first["page"], second["index"]) == ("word", 0.75, 4, 1)
    assert [first[key] for key in ("x", "y", "width", "height")] == pytest.approx([10, 10, 40, 20])
    assert first.get("outline") is None


@pytest.mark.parametrize(
    ("rotated", "filled", "inked", "clear"),
    [
        (False, False, [(5, 20), (33, 20), (20, 5)], [(20, 20)]),
        (True, False, [(20, 5)], [(8, 8), (20, 20)]),
        (False, True, [(20, 20)], [(2, 2)]),
    ],
)
def test_regions_are_drawn_upright_turned_or_filled(rotated, filled, inked, clear):
    page = to_struct(np.full((40, 40, 3), 255, np.uint8), origin="a")
    turned = region(10, 10, 30, 30) | {"angle": 45.0, "rotated": True}
    draw = Draw((), (), pa.schema([]), 1, "image", "regions", "drawn", 2, 8, rotated, Color.red, filled)
    [(_, columns)] = draw.compute([{"image": page, "regions": [turned]}])
    drawn = from_struct(columns["drawn"])
    for x, y in inked:
        area = drawn[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].reshape(-1, 3)
        assert (area == (255, 0, 0)).all(axis=1).any(), (x, y)
    for x, y in clear:
        assert drawn[y, x].tolist() == [255, 255, 255], (x, y)
