import io
import resource
from contextlib import suppress
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ocr.data.lines.decode import decode_line
from ocr.data.lines.manifest import ParquetLines, write_manifest
from ocr.data.lines.shards import ParquetShards
from ocr.errors import DataError
from tests.helpers.lines import MemoryLines
from tests.helpers.pictures import picture, png, png_header


def test_a_row_becomes_a_sample(write_parquet):
    lines = ParquetLines(write_parquet([{"text": "l’été …"}, {"kind": "print"}]))
    sample = lines[0]
    assert (sample.text, sample.id, sample.document, sample.source) == ("l'été ...", "l0", "p1", "set")
    assert (sample.language, sample.writer, sample.kind) == ("fr", "w", "handwritten")
    assert np.array_equal(sample.image, picture(40))
    assert sample.polygon.tolist() == [[0, 0], [10, 0], [10, 8]]
    assert lines.widths().tolist() == [2.5, 41 / 16]


def _palette() -> bytes:
    image = Image.fromarray(picture(40, 85)).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    return _saved(image, "PNG")


def _transparent() -> bytes:
    pixels = np.zeros((16, 40, 4), np.uint8)
    pixels[4:12, :20] = (85, 85, 85, 255)
    return _saved(Image.fromarray(pixels), "PNG")


def _jpeg() -> bytes:
    return _saved(Image.fromarray(picture(40, 85)).convert("RGB"), "JPEG")


def _saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (png(picture(40, 85)), "8-bit grey PNG"),
        (_palette(), "palette indices are not grey levels"),
        (_transparent(), "what is transparent is paper, whatever color it hides"),
        (_saved(Image.fromarray(picture(40, 85)), "TIFF"), "a format outside the fast path"),
        (_jpeg(), "color JPEG"),
        (png(picture(40, 85).astype(np.uint16) * 16), "12 significant bits in 16"),
    ],
)
def test_every_encoding_gives_the_same_greys(write_parquet, encoded, reason):
    image = ParquetLines(write_parquet([{"image": encoded}]))[0].image
    grey = image if image.ndim == 2 else image[..., 0]
    darkest = 85 if image.min() > 0 else 0  # deep grey is stretched to its own range
    assert np.abs(grey.astype(int) - picture(40, darkest)).max() <= 12, reason


@pytest.mark.parametrize(
    ("row", "message", "reason"),
    [
        ({"image": b"\x89PNG\r\n\x1a\nbroken"}, "", "truncated PNG"),
        ({"image": b"hello"}, "", "not a picture"),
        ({"image": png(picture(400))[:-30]}, "", "PNG cut off at the end"),
        ({"image": _jpeg()[:-30]}, "", "JPEG cut off at the end"),
        ({"image": b""}, "empty image", "no bytes"),
        ({"image": None}, "no image", "null image"),
        ({"text": None}, "no text", "null text"),
        ({"text": " \u200b"}, "no text", "nothing visible"),
        ({"polygon": [0.0, 0.0, 10.0]}, "polygon: expected x, y", "an odd number of coordinates"),
        ({"polygon": [0.0, 0.0, 10.0, 0.0, float("nan"), 8.0]}, "not finite", "no number"),
        ({"image": png_header(536871332, 160)}, "megapixels, more than", "would take 2 GB"),
    ],
)
def test_a_corrupt_row_is_named(write_parquet, row, message, reason):
    lines = ParquetLines(write_parquet([row, {}]))
    with pytest.raises(DataError, match=rf"lines\.parquet: row 'l0'.*{message}") as error:
        lines[0]
    assert "\n" not in str(error.value), reason
    assert lines[1].text == "text 1"


def test_a_large_picture_is_refused_before_memory_is_taken(write_parquet):
    """25 kB of PNG, or less of JPEG, can hold what takes gigabytes."""
    jpeg = bytearray(_jpeg())
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    for content in (png_header(536871332, 160), bytes(jpeg)):
        with pytest.raises(DataError, match="row: .* megapixels, more than 300"):
            decode_line(content, name="row")


def test_a_chunk_of_a_png_that_announces_gigabytes_costs_none():
    """OpenCV takes memory for the whole chunk before it reads it."""
    content = bytearray(png(picture(40)))
    at = content.index(b"IDAT") - 4
    content[at : at + 4] = b"\x7f\xff\xff\xff"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(DataError):
        decode_line(bytes(content), name="row")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000, "kB"


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("text", pa.array([1, 2]), "column text holds int64, expected text"),
        ("image", pa.array(["a.png", "b.png"]), "column image holds string, expected bytes"),
        ("image", pa.array([{"path": "a"}, {"path": "b"}]), "expected bytes, or a struct with bytes"),
        ("width", pa.array(["wide", "40"]), "column width holds string, expected numbers"),
        ("polygon", pa.array(["0 0 1 1", ""]), "column polygon holds string, expected lists of numbers"),
        ("kind", pa.array([1, 2]), "column kind holds int64, expected text"),
    ],
)
def test_a_column_of_another_type_is_refused_in_one_line(write_parquet, column, values, message):
    path = write_parquet([{}, {}])
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index(column), column, values), path)
    for source in (ParquetLines, partial(ParquetShards, window=8)):
        with pytest.raises(DataError, match=rf"lines\.parquet: .*{message}") as caught:
            source(path)
        assert "\n" not in str(caught.value)


def test_text_that_is_not_utf8_costs_its_row(write_parquet):
    path = write_parquet([{}, {}, {}])
    table = pq.read_table(path)
    for column in ("text", "page_id"):
        values = pa.array([b"fine", b"\xff\xfe", b"fine"]).view(pa.string())
        table = table.set_column(table.column_names.index(column), column, values)
    pq.write_table(table, path)
    lines = ParquetLines(path)
    assert [lines[0].text, lines[2].text] == ["fine", "fine"]
    with pytest.raises(DataError, match=r"lines\.parquet: row 1: .*utf-8") as caught:
        lines[1]
    assert "\n" not in str(caught.value)
    assert lines.documents()[0] == "fine" and len(lines.documents()) == 3
    assert [line.text for line in _readable(ParquetShards(path, window=8), 3)] == ["fine", "fine"]


def _readable(lines, count):
    for index in range(count):
        with suppress(DataError):
            yield lines.at(index)


def test_missing_columns_and_files_are_named(write_parquet, tmp_path):
    with pytest.raises(DataError, match=r"lines\.parquet: missing column text, width"):
        ParquetLines(write_parquet([{}], drop=("text", "width")))
    with pytest.raises(DataError, match="nothing.parquet: no such file"):
        ParquetLines(tmp_path / "nothing.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="bad.parquet: not a readable Parquet file"):
        ParquetLines(tmp_path / "bad.parquet")


def test_filters_globs_and_optional_columns(write_parquet, tmp_path):
    write_parquet([{"kind": "print"}, {}], "a.parquet")
    write_parquet([{"source": "other"}, {}, {}], "b.parquet")
    assert [len(ParquetLines(str(tmp_path / "*.parquet"))), len(ParquetLines(tmp_path / "b.parquet"))] == [
        5,
        3,
    ]
    both = ParquetLines([tmp_path / "a.parquet", tmp_path / "b.parquet"], kind="handwritten", sources=["set"])
    assert [sample.id for sample in (both[i] for i in range(len(both)))] == ["l1", "l1", "l2"]
    with pytest.raises(DataError, match="kind='typed'"):
        ParquetLines(tmp_path / "a.parquet", kind="typed")
    bare = ParquetLines(
        write_parquet([{}], "c.parquet", drop=("page_id", "source", "kind", "polygon", "writer"))
    )
    assert (bare[0].document, bare[0].source, bare[0].polygon) == ("l0", "c", None)


def test_any_source_survives_a_manifest(tmp_path):
    errors = write_manifest(MemoryLines(4, bad=(2,)), tmp_path / "out.parquet", height=16)
    lines = ParquetLines(tmp_path / "out.parquet")
    assert [str(error) for error in errors] == ["memory: row 2 is broken"]
    assert [lines[i].id for i in range(3)] == ["memory-0", "memory-1", "memory-3"]
    assert np.array_equal(lines[1].image, MemoryLines(4)[1].image)


@pytest.mark.parametrize("stored", ["array", "PNG"])
def test_ink_as_bright_as_its_paper_stays_writing(tmp_path, stored):
    """Gray alone would hold nothing: red and green here have the same brightness."""
    image = np.full((40, 200, 3), (0, 110, 0), np.uint8)
    for x in range(10, 190, 12):
        image[10:30, x : x + 3] = (216, 0, 0)
    lines = MemoryLines(1)
    sample = lines[0]
    sample.image = (
        image if stored == "array" else decode_line(_saved(Image.fromarray(image), "PNG"), name="a")
    )
    lines.__class__ = type("One", (MemoryLines,), {"__getitem__": lambda self, index: sample})
    write_manifest(lines, tmp_path / "lines.parquet")
    gray = ParquetLines(tmp_path / "lines.parquet")[0].image
    assert gray.ndim == 2 and np.ptp(gray) > 100
