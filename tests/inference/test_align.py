import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ocr.bundle import Bundle
from ocr.commands.align import main
from ocr.inference.align import align_lines
from ocr.synth.line import LineSynthesizer


@pytest.fixture(scope="module")
def lines():
    synthesizer = LineSynthesizer(characters=(8, 24), clean_probability=1.0, neighbor_probability=0.0)
    drawn = (synthesizer.sample(np.random.default_rng([0, index])) for index in range(40))
    return [line for line in drawn if len(line.characters) == len(line.text)][:16]


@pytest.mark.weights
def test_characters_are_found_where_they_were_drawn(lines):
    bundle = Bundle.load("ocr_small_handwritten")
    aligned = align_lines(bundle, [line.image for line in lines], [line.text for line in lines])
    hits = []
    for line, (spans, fit) in zip(lines, aligned, strict=True):
        assert len(spans) == 2 * len(line.text) and fit < 0
        centres = np.reshape(spans, (-1, 2)).mean(axis=1)
        for centre, (character, (x0, _, x1, _)) in zip(centres, line.characters, strict=True):
            if character != " ":
                hits.append(x0 - 4 <= centre <= x1 + 8)
    assert np.mean(hits) > 0.85


@pytest.mark.weights
def test_a_wrong_label_fits_worse(lines):
    bundle = Bundle.load("ocr_small_handwritten")
    images, texts = [line.image for line in lines[:6]], [line.text for line in lines[:6]]
    right = [fit for _, fit in align_lines(bundle, images, texts)]
    wrong = [fit for _, fit in align_lines(bundle, images, [text[::-1] + "x" for text in texts])]
    assert np.mean(right) > np.mean(wrong) + 1


def test_the_command_adds_columns_and_leaves_out_what_it_cannot_align(lines, tmp_path, capsys):
    file = io.BytesIO()
    Image.fromarray(lines[0].image).save(file, "PNG")
    rows = [
        {"id": "good", "image": file.getvalue(), "text": lines[0].text, "writer": "w"},
        {"id": "foreign", "image": file.getvalue(), "text": "\u4e2d", "writer": "w"},
        {"id": "broken", "image": b"no picture", "text": "a", "writer": "w"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    assert main(["lines", str(tmp_path / "in.parquet"), "--output", str(tmp_path / "out.parquet")]) == 0
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["id"] for row in table] == ["good"] and table[0]["writer"] == "w"
    assert len(table[0]["spans"]) == 2 * len(lines[0].text)
    errors = capsys.readouterr().err
    assert "row foreign" in errors and "row broken" in errors


@pytest.mark.parametrize("content", [b"nothing", None])
def test_an_unreadable_manifest_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "bad.parquet"
    if content is not None:
        path.write_bytes(content)
    assert main(["lines", str(path), "--output", str(tmp_path / "out.parquet")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: not a readable Parquet file") and error.count("\n") == 1
