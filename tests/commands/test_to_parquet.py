"""Labelled lines of other formats as one Parquet file."""

import numpy as np
import pytest
from PIL import Image

from ocr.commands.to_parquet import main
from ocr.data.lines.manifest import MANIFEST_HEIGHT, ParquetLines


@pytest.fixture
def folder(tmp_path):
    """Two lines of one shade each, with their texts."""
    for name, text, shade in (("a", "one", 10), ("b", "deux", 200)):
        Image.fromarray(np.full((20, 60), shade, np.uint8)).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.gt.txt").write_text(text, encoding="utf-8")
    return tmp_path


def test_lines_keep_their_texts_and_come_at_the_height_of_manifests(folder, capsys):
    written = folder / "lines.parquet"
    assert main(["folder", str(folder), "--output", str(written)]) == 0
    assert "2 lines" in capsys.readouterr().out
    after = ParquetLines(written)
    assert [after[n].text for n in range(2)] == ["one", "deux"]
    assert [(after[n].image.shape, int(after[n].image.mean())) for n in range(2)] == [
        ((MANIFEST_HEIGHT, 3 * MANIFEST_HEIGHT), shade) for shade in (10, 200)
    ]


def test_a_line_that_cannot_be_used_is_named_and_the_others_are_written(folder, capsys):
    (folder / "b.png").write_bytes(b"no picture")
    written = folder / "lines.parquet"
    assert main(["folder", str(folder), "--output", str(written)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("left out: ") and "b.png" in error and error.count("\n") == 1
    assert len(ParquetLines(written)) == 1 and ParquetLines(written)[0].text == "one"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["folder", "{}/none"], "none"),
        (["folder", "{}", "--split", "train"], "only iam has splits"),
        (["iam", "{}", "--images", "{}"], "only page and alto"),
        (["page", "{}/*.xml"], "*.xml"),
    ],
)
def test_what_cannot_work_is_one_line_and_writes_nothing(arguments, told, folder, capsys):
    form, path, *options = (part.replace("{}", str(folder)) for part in arguments)
    written = folder / "lines.parquet"
    assert main([form, path, "--output", str(written), *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and told in error and error.count("\n") == 1
    assert not written.exists()
