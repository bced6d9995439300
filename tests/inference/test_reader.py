"""From a page's pixels to words at their places, with stand-ins for the two networks."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from ocr import Reader
from ocr.decoding import CharacterSpan, Hypothesis
from ocr.errors import BundleError, ConfigError, ImageError
from ocr.geometry import polygon_iou
from ocr.inference.device import resolve_device
from ocr.inference.reader import source_name
from ocr.types import TextLine


class InkReader:
    """Reads each run of inked columns as one word named by its number in the line; counts its calls."""

    script = None

    def __init__(self):
        self.calls = 0

    def read(self, images):
        self.calls += 1
        return [self._read(image) for image in images]

    @staticmethod
    def _read(image) -> Hypothesis:
        inked = np.concatenate([[False], (image.min(axis=(0, 2)) < 128), [False]])
        starts, ends = np.flatnonzero(~inked[:-1] & inked[1:]), np.flatnonzero(inked[:-1] & ~inked[1:])
        spans = []
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if number:
                spans.append(CharacterSpan(" ", float(ends[number - 1]), float(start), 0.1))
            spans.append(CharacterSpan(str(number), float(start), float(end), 0.9))
        return Hypothesis("".join(span.character for span in spans), 0.9 if spans else 0.0, spans)


@dataclass
class GivenLines:
    """A detector that finds what it was told."""

    lines: list[TextLine]

    def find(self, image, *, zoom=1.0):
        return [TextLine(line.polygon.copy(), line.baseline.copy()) for line in self.lines]


def inked_page(angle: float, words: list[tuple[float, float]], center=(400.0, 300.0)):
    """A white 600 x 800 page with black word blobs along a line at `angle` degrees through `center`.

    `words`: (start, end) along the line in pixels from the centre. Returns page, the line, the words' corners.
    """
    image = np.full((600, 800, 3), 255, np.uint8)
    turn = np.deg2rad(angle)
    along, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])

    def place(points):
        return (np.array([x * along + y * down for x, y in points]) + center).astype(np.float32)

    corners = [place([(a, -20), (b, -20), (b, 10), (a, 10)]) for a, b in words]
    for corner in corners:
        cv2.fillPoly(image, [np.round(corner).astype(np.int32)], (0, 0, 0), lineType=cv2.LINE_AA)
    a, b = words[0][0], words[-1][1]
    line = TextLine(place([(a, -20), (b, -20), (b, 10), (a, 10)]), place([(a, 3), (b, 3)]))
    return image, line, corners


@pytest.mark.parametrize(
    ("angle", "reason"),
    [
        (0, "level"),
        (4, "a photograph held slightly askew"),
        (-25, "a slanting note"),
        (90, "written down the margin"),
        (180, "upside down"),
    ],
)
def test_words_lie_on_their_ink(angle, reason):
    image, line, corners = inked_page(angle, [(-180, -120), (-90, 20), (60, 180)])
    page = Reader(InkReader(), GivenLines([line])).read(image)
    (read,) = page.lines
    assert read.text == page.text == "0 1 2"
    assert [word.text for word in read.words] == ["0", "1", "2"]
    for word, truth in zip(read.words, corners, strict=True):
        assert polygon_iou(word.polygon, truth) > 0.85, reason
        assert word.confidence == pytest.approx(0.9), "spaces do not count"
        np.testing.assert_allclose(word.polygon[0], truth[0], atol=4, err_msg="starts at the upper left")


def test_words_of_a_bent_line_follow_it():
    x = np.linspace(100, 700, 61)
    y = 300 + 60 * np.sin((x - 100) / 600 * np.pi)
    outline = np.concatenate([np.stack([x, y - 20], 1), np.stack([x, y + 10], 1)[::-1]]).astype(np.float32)
    image = np.full((600, 800, 3), 255, np.uint8)
    cv2.fillPoly(image, [np.round(outline).astype(np.int32)], (0, 0, 0))
    line = TextLine(outline, np.stack([x, y + 3], 1).astype(np.float32))
    (word,) = Reader(InkReader(), GivenLines([line])).read(image).lines[0].words
    assert polygon_iou(word.polygon, outline) > 0.85, "one word across the whole bend"


def test_words_stay_on_the_page():
    image, line, _ = inked_page(0, [(-60, 60)], center=(40.0, 10.0))
    (word,) = Reader(InkReader(), GivenLines([line])).read(image).lines[0].words
    assert word.polygon.min() >= 0
    assert word.polygon[:, 0].max() <= 800
    assert polygon_iou(word.polygon, np.array([(0, 0), (100, 0), (100, 20), (0, 20)])) > 0.8


def test_unread_lines_are_dropped_or_kept_without_text():
    image, line, _ = inked_page(0, [(-180, -120), (60, 180)])
    blank = TextLine(line.polygon + (0, 150), line.baseline + (0, 150))
    detector = GivenLines([blank, line, line])
    assert [found.text for found in Reader(InkReader(), detector).read(image).lines] == ["0 1", "0 1"]
    page = Reader(InkReader(), detector, min_confidence=0).read(image)
    assert [found.text for found in page.lines] == ["", "0 1", "0 1"]
    assert page.lines[0].words == []
    assert page.text == "0 1\n0 1"


def test_all_lines_of_a_page_are_read_at_once():
    """Only then can the recogniser batch lines of similar width."""
    image, line, _ = inked_page(0, [(-60, 60)])
    reader = InkReader()
    Reader(reader, GivenLines([line] * 5)).read(image)
    assert reader.calls == 1


def test_lines_of_many_pages_are_read_at_once_and_as_one_by_one():
    """Pages keep their order, their sizes and what was read on them; a page without lines is among them."""
    image, line, _ = inked_page(0, [(-180, -120), (60, 180)])
    wide = np.pad(image, ((0, 0), (0, 40), (0, 0)), constant_values=255)
    blank = np.full((50, 60, 3), 255, np.uint8)

    class InkedLines:
        def find(self, image, *, zoom=1.0):
            return GivenLines([line]).find(image) if image.min() < 128 else []

    reader = InkReader()
    pages = Reader(reader, InkedLines(), orientation="keep").read_arrays([image, blank, wide])
    assert reader.calls == 1
    assert [(page.text, page.width) for page in pages] == [("0 1", 800), ("", 60), ("0 1", 840)]
    for page, pixels in zip(pages, (image, blank, wide), strict=True):
        alone = Reader(InkReader(), InkedLines()).read_array(pixels)
        assert [each.text for each in page.lines] == [each.text for each in alone.lines]
        for each, other in zip(page.lines, alone.lines, strict=True):
            np.testing.assert_array_equal(each.words[0].polygon, other.words[0].polygon)
    assert Reader(InkReader(), InkedLines()).read_arrays([]) == []


def test_without_detector_the_image_is_one_line():
    image, _, corners = inked_page(0, [(-180, -120), (60, 180)])
    page = Reader(InkReader(), None).read(image[250:330])
    (line,) = page.lines
    assert line.text == "0 1"
    assert line.polygon.tolist() == [[0, 0], [800, 0], [800, 80], [0, 80]]
    for word, truth in zip(line.words, corners, strict=True):
        assert word.polygon[:, 0].min() == pytest.approx(truth[:, 0].min(), abs=2)
        assert word.polygon[:, 0].max() == pytest.approx(truth[:, 0].max(), abs=2)


def test_a_page_without_lines():
    page = Reader(InkReader(), GivenLines([])).read(np.zeros((30, 40, 3), np.uint8))
    assert (page.lines, page.text, page.height, page.width) == ([], "", 30, 40)


def test_pages_with_ink_and_no_text_say_so():
    blank, inked = np.full((120, 90, 3), 250, np.uint8), np.full((120, 90, 3), 250, np.uint8)
    inked[30:60, 20:80:7] = 0
    pages = Reader(InkReader(), GivenLines([])).read_arrays([blank, inked])
    assert [page.warnings for page in pages] == [[], ["no text was found, though the page is not blank"]]


def test_pages_of_a_file_are_numbered(tmp_path):
    from PIL import Image

    frames = [Image.new("L", (60 + 10 * i, 40), 255) for i in range(3)]
    frames[0].save(tmp_path / "scan.tif", save_all=True, append_images=frames[1:])
    pages = list(Reader(InkReader(), None).read_pages(tmp_path / "scan.tif"))
    assert [(page.number, page.width) for page in pages] == [(1, 60), (2, 70), (3, 80)]
    assert Reader(InkReader(), None).read(tmp_path / "scan.tif").width == 60, "read takes the first page"


def test_lists_of_files_and_ranges_of_pages_are_read(tmp_path):
    from PIL import Image

    frames = [Image.new("L", (60 + 10 * i, 40), 255) for i in range(3)]
    frames[0].save(tmp_path / "scan.tif", save_all=True, append_images=frames[1:])
    reader = Reader(InkReader(), None)
    sources = [tmp_path / "scan.tif", frames[1], (tmp_path / "scan.tif").read_bytes()]
    assert [page.width for page in reader.read_pages(sources)] == [60, 70, 80, 70, 60, 70, 80]
    assert [page.number for page in reader.read_pages(tmp_path / "scan.tif", pages="2-3")] == [2, 3]
    with pytest.raises(ImageError, match="list: expected a path"):
        reader.read(sources)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"none\.jpg"):
        Reader(InkReader(), None).read(tmp_path / "none.jpg")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("a/b=c, d[1].jpg", "a/b=c, d[1].jpg"),
        ("caf\udce9.jpg", "caf\ufffd.jpg"),  # a Latin-1 name on a UTF-8 system
        (np.zeros((2, 2, 3), np.uint8), ""),
        (b"bytes", ""),
    ],
)
def test_source_name_can_be_stored(image, name):
    assert source_name(image) == name
    source_name(image).encode("utf-8")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x", ""])
def test_unusable_device_is_named(device):
    with pytest.raises(ConfigError, match=f"device={device}"):
        resolve_device(device)


def test_unknown_bundles_are_named():
    with pytest.raises(BundleError, match="no_such_model"):
        Reader.from_pretrained("no_such_model")
    with pytest.raises(ConfigError, match="batch_size"):
        Reader.from_pretrained(batch_size=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"orientation": "up"}, "orientation=up: choose from auto, keep"),
        ({"min_confidence": 40}, "min_confidence must lie between 0 and 1, got 40"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Reader(InkReader(), None, **options)


def test_runs_of_spaces_collapse():
    class Spaced(InkReader):
        def read(self, images):
            spans = [CharacterSpan(letter, 9.0 * i, 9.0 * i + 9, 0.9) for i, letter in enumerate(" a  b   ")]
            return [Hypothesis("".join(span.character for span in spans), 0.9, spans) for _ in images]

    page = Reader(Spaced(), None).read_array(np.full((20, 90, 3), 255, np.uint8))
    assert page.lines[0].text == "a b"
    assert [word.text for word in page.lines[0].words] == ["a", "b"]
