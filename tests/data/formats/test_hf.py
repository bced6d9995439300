import json

import numpy as np
import pytest
from PIL import Image

from ocr.data.formats.hf import HuggingFaceLines
from ocr.data.lines.collate import LineCollate
from ocr.data.lines.mix import MixedLines
from ocr.data.lines.stream import TrainingStream
from ocr.errors import ConfigError, DataError
from ocr.image.preprocess import LinePreprocessor
from tests.helpers.pictures import picture


@pytest.fixture(autouse=True)
def offline(tmp_path_factory, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True, raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0, raising=False)
    datasets.disable_progress_bars()


@pytest.fixture
def parquet(write_parquet):
    rows = [{"id": f"l{i}", "text": f"text {i}", "page_id": f"p{i // 5}"} for i in range(20)]
    rows[3]["image"] = b"broken"
    rows[4]["text"] = None
    return str(write_parquet(rows))


COLUMNS = {"image_column": "image", "text_column": "text"}


def _lines(parquet, **changes):
    settings = {
        "split": "train",
        "data_files": parquet,
        "columns": {"id": "id", "document": "page_id"},
    } | changes
    return HuggingFaceLines("parquet", **COLUMNS | settings)


def test_local_parquet(parquet):
    lines = _lines(parquet)
    assert len(lines) == 20
    sample = lines[7]
    assert (sample.text, sample.id, sample.document, sample.source) == ("text 7", "l7", "p1", "parquet")
    assert np.array_equal(sample.image, picture(47))
    assert lines.widths()[7] == 47 / 16 and np.isnan(lines.widths()[3])
    for row, message in ((3, "row 3"), (4, "row 4 has no text")):
        with pytest.raises(DataError, match=rf"parquet\[train\]: {message}"):
            lines[row]


def test_image_folder_with_image_features(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for i in range(3):
        Image.fromarray(picture(40 + i)).save(folder / f"{i}.png")
        rows.append(json.dumps({"file_name": f"{i}.png", "text": f"text {i}"}))
    (folder / "metadata.jsonl").write_text("\n".join(rows))
    lines = HuggingFaceLines("imagefolder", split="train", data_files=str(folder / "*"), **COLUMNS)
    assert sorted((lines[i].text, lines[i].image.shape[1]) for i in range(3)) == [
        ("text 0", 40),
        ("text 1", 41),
        ("text 2", 42),
    ]
    assert sorted(lines.widths().tolist()) == [40 / 16, 41 / 16, 42 / 16]


def test_json_with_paths_and_other_column_names(tmp_path):
    Image.fromarray(picture(40)).save(tmp_path / "a.png")
    row = {"file": str(tmp_path / "a.png"), "label": "été", "hand": "w3"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    lines = HuggingFaceLines(
        "json",
        split="train",
        data_files=str(tmp_path / "rows.jsonl"),
        image_column="file",
        text_column="label",
        columns={"writer": "hand"},
    )
    assert (lines[0].text, lines[0].writer, lines[0].id) == ("été", "w3", "json-0")
    assert np.array_equal(lines[0].image, picture(40))


def test_a_stream_is_read_in_order_and_goes_round(parquet):
    lines = _lines(parquet, streaming=True, length=20, buffer=6)
    assert [lines[i].id for i in (0, 2, 1, 7)] == ["l0", "l2", "l1", "l7"]
    with pytest.raises(DataError, match="line 1 asked for after line 7 with a buffer of 6"):
        lines[1]
    assert lines.at(27).id == "l7", "second round"
    assert np.isnan(lines.widths()).all()
    with pytest.raises(IndexError):
        lines[20]


def test_a_stream_can_be_mixed(parquet):
    mix = MixedLines({"lines": _lines(parquet, streaming=True, length=20, buffer=2)}, length=20)
    assert [mix[i].id for i in range(3)] == ["l0", "l1", "l2"]


def test_a_stream_gives_the_same_batches_in_workers(parquet):
    def ids(workers):
        source = MixedLines({"lines": _lines(parquet, streaming=True, length=20)}, length=24)
        stream = TrainingStream(
            source,
            LineCollate(LinePreprocessor(height=16)),
            lines_per_batch=4,
            pool=8,
            num_workers=workers,
        )
        found = [[sample.id for sample in batch.samples] for batch in stream]
        stream.close()
        return found

    expected = ids(0)
    assert {name for batch in expected for name in batch} == {f"l{i}" for i in range(20)} - {"l3", "l4"}
    assert ids(2) == expected


def test_a_shuffled_stream_is_reproducible(parquet):
    first, second = (_lines(parquet, streaming=True, length=20, shuffle_buffer=10) for _ in range(2))
    orders = [[_id(lines, i) for i in range(20)] for lines in (first, second)]
    assert orders[0] == orders[1]
    assert orders[0] != [_id(_lines(parquet), i) for i in range(20)]


def _id(lines, index):
    try:
        return lines.at(index).id if lines.endless else lines[index].id
    except DataError:
        return "unusable"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"text_column": "label"}, DataError, r"no column label; it has .*text"),
        ({"split": "dev"}, DataError, r"parquet\[dev\]: cannot be loaded"),
        ({"data_files": "/nowhere/x.parquet"}, DataError, "cannot be loaded"),
        ({"columns": {"page": "page_id"}}, ConfigError, "columns: unknown page; known are id, document"),
        ({"streaming": True}, ConfigError, "a stream of unknown length, say length="),
    ],
)
def test_errors_name_the_data_set(parquet, changes, error, message):
    with pytest.raises(error, match=message):
        _lines(parquet, **changes)
