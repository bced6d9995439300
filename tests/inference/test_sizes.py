"""Pages of any size of writing, read by the shipped networks."""

import numpy as np
import pytest

from ocr import Reader
from ocr.metrics.text import count_errors
from tests.helpers.sheets import colored, drawn

LINES = [
    "The meeting is moved to Thursday",
    "please bring the blue folder and",
    "three copies of the list. Anna will",
    "open the room at half past seven,",
]


BODY = [(text, 120, 330 + 60 * i, 40) for i, text in enumerate(LINES)]
PRICES = [("Butter", "1.20"), ("Milk", "0.95"), ("Apples", "3.40"), ("Total", "5.55")]


def known_fault(reason: str) -> pytest.MarkDecorator:
    """Mark a row that recognizer 0.5.0 fails with `decode=ctc`; strict, so that it is noticed when it is mended."""
    return pytest.mark.xfail(raises=AssertionError, strict=True, reason=reason)


@pytest.fixture(scope="module")
def reader():
    return Reader.from_pretrained(device="cpu", decode="ctc")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "truth", "reason"),
    [
        (drawn((200, 800), ("Thursday", 10, 5, 190)), ["Thursday"], "a word that fills the picture"),
        (
            drawn((900, 1900), ("Thursday", 100, 250, 420)),
            ["Thursday"],
            "a word as high as half of the sheet, with the tail of its y",
        ),
        (drawn((64, 640), (LINES[0], 5, 4, 56)), [LINES[0]], "a tight crop of a line"),
        (drawn((1000, 900), ("Notice", 100, 50, 220), *BODY), ["Notice", *LINES], "a large heading"),
        (
            drawn((3400, 2600), *((text, 900, 1500 + 50 * i, 34) for i, text in enumerate(LINES))),
            LINES,
            "tiny lines on a large sheet",
        ),
        (
            drawn((500, 700), ("NO SOS", 150, 200, 90)),
            ["NO SOS"],
            "a short text that reads upside down as well",
        ),
        pytest.param(
            drawn((500, 700), ("ON", 250, 200, 90)),
            ["ON"],
            "two capitals that read upside down as well",
            marks=known_fault("read with a confidence of 0.6, where so few characters need 0.8"),
        ),
        (
            drawn((700, 1000), *((t, 200, y - 270, h) for t, _, y, h in BODY), turned="filed 12 June"),
            [*LINES, "filed 12 June"],
            "a note that runs up the margin",
        ),
        (
            drawn(
                (600, 640),
                *((text, 40, 60 + 80 * i, 48) for i, (text, _) in enumerate(PRICES)),
                *((price, 480, 60 + 80 * i, 48) for i, (_, price) in enumerate(PRICES)),
            ),
            [" ".join(row) for row in PRICES],
            "rows of a receipt",
        ),
        (
            colored(drawn((300, 1100), ("Thursday", 80, 60, 60)), (190, 30, 40), (250, 250, 250)),
            ["Thursday"],
            "white on red, which the detector does not see in color",
        ),
        (np.full((600, 400, 3), 245, np.uint8), [], "an empty sheet"),
    ],
)
def test_writing_of_any_size_is_read(reader, image, truth, reason):
    page = reader.read(image)
    assert page.rotation == 0, reason
    assert len(page.lines) == len(truth), reason
    assert count_errors("\n".join(truth), page.text).cer <= 12, f"{reason}: {page.text}"


def test_a_clear_hand_upside_down_is_turned(reader):
    """Its letters read surely as other letters, in words of no language."""
    page = reader.read(np.ascontiguousarray(drawn((500, 1000), *BODY[:2])[::-1, ::-1]))
    assert page.rotation == 180
