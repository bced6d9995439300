import io
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from ocr.errors import DataError
from ocr.synth.collage import CollageSynthesizer

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WIDE, TALL = 12, 16


def row(text: str, writer: str, *, fit: float = -0.1, grey: int = 0) -> dict:
    """A line in which every letter is a box 12 wide whose stripes count its place in the alphabet in binary."""
    image = Image.new("L", (20 * len(text) + 8, 64), 255)
    draw, spans = ImageDraw.Draw(image), []
    for index, character in enumerate(text):
        x = 8 + 20 * index
        # The CTC head names a character 3 pixels late.
        spans += [x + 5, x + 13]
        if character == " ":
            continue
        draw.rectangle((x, 28, x + WIDE - 1, 28 + TALL - 1), fill=grey)
        for bit in range(5):
            if (LETTERS.index(character) >> bit) & 1:
                draw.rectangle((x + 2, 29 + 3 * bit, x + WIDE - 3, 30 + 3 * bit), fill=255)
    file = io.BytesIO()
    image.save(file, "PNG")
    outline = [0.0, 0.0, float(image.width), 0.0, float(image.width), 64.0, 0.0, 64.0]
    return {
        "id": f"{writer}-{text}",
        "image": file.getvalue(),
        "text": text,
        "spans": [float(x) for x in spans],
        "fit": fit,
        "writer": writer,
        "polygon": outline,
    }


def manifest(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def decode(image: np.ndarray) -> str:
    """The letters of boxes as `row` draws them."""
    dark = image < 100
    columns = np.flatnonzero(dark[26:46].any(axis=0))
    text, last = "", None
    for group in np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1):
        if last is not None and group[0] - last > 20:
            text += " "
        last = group[-1]
        middle = image[:, (group[0] + group[-1]) // 2]
        top = int(np.flatnonzero(dark[:, group].any(axis=1))[0])
        text += LETTERS[sum(1 << bit for bit in range(5) if middle[top + 1 + 3 * bit] > 150)]
    return text


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "en_words.txt"
    path.write_text("some hands wrote these words\nand others had to read them\n", encoding="utf-8")
    return path


ALL = [
    "the quick brown fox jumps",
    "over a lazy dog and then",
    "some other words here wry",
    "that have been read hands",
]


def test_new_text_is_spelled_with_pieces_of_one_writer(tmp_path, text_file):
    lines = manifest(tmp_path / "a.parquet", [row(text, "anna") for text in ALL])
    collage = CollageSynthesizer(
        lines, corpus=text_file, characters=(8, 24), min_text=50, clean_probability=1.0, stretch=0.0
    )
    for index in range(12):
        line = collage.sample(np.random.default_rng([0, index]))
        assert line.image.shape[0] == 64 and line.image.dtype == np.uint8
        assert [character for character, _ in line.characters] == list(line.text)
        if line.text.isalpha() or " " in line.text and line.text.replace(" ", "").islower():
            assert decode(line.image) == line.text
            first = line.characters[0][1]
            assert line.image[30:42, int(first[0]) : int(first[2])].min() < 100


def test_the_same_generator_gives_the_same_line_also_in_another_process(tmp_path, text_file):
    lines = manifest(tmp_path / "a.parquet", [row(text, "anna") for text in ALL])
    collage = CollageSynthesizer(lines, corpus=text_file, min_text=50)
    other = pickle.loads(pickle.dumps(collage))
    a, b = (c.sample(np.random.default_rng([4, 2])) for c in (collage, other))
    assert a.text == b.text and (a.image == b.image).all()


def test_a_line_is_of_one_hand_where_that_hand_has_the_letters(tmp_path, text_file):
    rows = [row(text, "dark", grey=0) for text in ALL] + [row(text, "pale", grey=70) for text in ALL]
    collage = CollageSynthesizer(
        manifest(tmp_path / "a.parquet", rows),
        corpus=text_file,
        characters=(8, 24),
        min_text=50,
        clean_probability=1.0,
        borrowed=0.0,
        stretch=0.0,
    )
    darkest = []
    for index in range(10):
        line = collage.sample(np.random.default_rng([1, index]))
        letters = [box for character, box in line.characters if character != " "]
        darkest.append([int(line.image[28:44, int(x0) : int(x1)].min()) for x0, _, x1, _ in letters])
    assert all(np.ptp(values) < 30 for values in darkest)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"id": "1", "image": b"", "text": "a"}], "missing column writer, fit, spans, polygon"),
        ([row("too short", "anna")], "no writer has 300 characters"),
        ([row(text, "anna", fit=-5.0) for text in 20 * ALL], "no writer has 300 characters"),
    ],
)
def test_a_manifest_that_cannot_serve_is_named(tmp_path, text_file, rows, reason):
    path = manifest(tmp_path / "bad.parquet", rows)
    with pytest.raises(DataError, match=f"bad.parquet: {reason}"):
        CollageSynthesizer(path, corpus=text_file)


def test_a_file_that_is_no_manifest_is_named(tmp_path, text_file):
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="bad.parquet: not a readable Parquet file"):
        CollageSynthesizer(path, corpus=text_file)
