"""Lines of one's own: what is learned from, what is held back, and for how long."""

import re
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from ocr.data.lines.adaptation import AdaptationDataModule, open_lines, split_by_document
from ocr.data.lines.rehearsal import rehearsal_lines
from ocr.errors import ConfigError, DataError
from ocr.image.preprocess import LinePreprocessor
from tests.helpers.lines import MemoryLines
from tests.helpers.pictures import picture

SETTINGS = {
    "hold_out": 0.125,
    "replay_share": 0.3,
    "passes": 10,
    "steps": (100, 1500),
    "lines_per_batch": 16,
    "pool": 256,
    "num_workers": 0,
}


def own(path, **options):
    return AdaptationDataModule(
        path=path,
        replay=MemoryLines(50, name="known"),
        preprocess=LinePreprocessor(height=16),
        **SETTINGS | options,
    )


@pytest.mark.parametrize(
    ("pages", "least", "most", "why"),
    [
        ([15] * 100, 0.10, 0.15, "a collection"),
        ([15] * 7, 0.10, 0.15, "some letters"),
        ([1] * 60, 0.10, 0.15, "every line a document of its own"),
        ([100, 3, 3, 3], 0.02, 0.15, "one long document: never the greater part of all"),
        ([10, 20], 1 / 3, 1 / 3, "two pages: the smaller one, though it is much"),
    ],
)
def test_about_an_eighth_is_held_back_in_whole_documents(pages, least, most, why):
    documents = [f"page {page}" for page, lines in enumerate(pages) for _ in range(lines)]
    learned, held = split_by_document(documents, 0.125, name="x")
    assert sorted([*learned, *held]) == list(range(len(documents)))
    assert not {documents[row] for row in learned} & {documents[row] for row in held}
    assert least <= len(held) / len(documents) <= most, why


def test_the_split_depends_on_the_names_of_documents_alone():
    documents = [f"page {row // 5}" for row in range(100)]
    held = {documents[row] for row in split_by_document(documents, 0.125, name="x")[1]}
    backwards = documents[::-1]
    assert held == {backwards[row] for row in split_by_document(backwards, 0.125, name="x")[1]}


def test_one_page_alone_is_refused_with_what_to_do(write_parquet):
    with pytest.raises(ConfigError, match=r"lines\.parquet.*one page \(p1\).*data\.val_path="):
        own(write_parquet([{}, {}, {}]))


@pytest.mark.parametrize(
    ("lines", "steps", "why"),
    [
        (20, 100, "never fewer than it takes to learn at all"),
        (400, 313, "350 learned from, ten times each, 11.2 a batch"),
        (4000, 1500, "never more than minutes"),
    ],
)
def test_the_run_is_as_long_as_the_lines_need(write_parquet, lines, steps, why):
    data = own(write_parquet([{"page_id": f"p{row % 80}"} for row in range(lines)]))
    assert data.steps == pytest.approx(steps, rel=0.05), why
    assert len(data.train_dataloader()) == data.steps


def test_lines_held_back_are_never_learned_from_and_known_ones_are_mixed_in(write_parquet):
    data = own(write_parquet([{"page_id": f"p{row // 4}"} for row in range(40)]), replay_share=0.25)
    seen = Counter(sample.id for position in range(512) for sample in [data.train.at(position)])
    held = {data.val[row].id for row in range(len(data.val))}
    assert 4 <= len(held) <= 6 and not held & set(seen)
    assert sum(count for line, count in seen.items() if line.startswith("known")) == 128


def test_with_lines_to_measure_by_all_others_are_learned_from(write_parquet):
    data = own(write_parquet([{}] * 6), val_path=write_parquet([{"id": "v"}], "val.parquet"))
    assert {data.train.sources[1][row].id for row in range(6)} == {f"l{row}" for row in range(6)}
    assert [data.val[row].id for row in range(len(data.val))] == ["v"]


def test_a_folder_of_pictures_will_do(tmp_path):
    for page in "ab":
        (tmp_path / page).mkdir()
        for line in range(3):
            Image.fromarray(picture(40)).save(tmp_path / page / f"{line}.png")
            (tmp_path / page / f"{line}.gt.txt").write_text(f"line {line}\n")
    data = own(tmp_path)
    assert len(data.val) == 3, "a subfolder is a document"
    assert np.array_equal(data.val[0].image, picture(40)) and data.val[0].text == "line 0"


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        ({"hold_out": 0}, "hold_out=0"),
        ({"replay_share": 1}, "replay_share=1"),
        ({"passes": 0}, "passes=0"),
        ({"steps": (9, 3)}, r"steps=\[9, 3\]"),
    ],
)
def test_values_out_of_range_are_named(write_parquet, options, culprit):
    with pytest.raises(ConfigError, match=culprit):
        own(write_parquet([{"page_id": "a"}, {"page_id": "b"}]), **options)


def test_lines_that_are_not_there_are_named(tmp_path):
    with pytest.raises(DataError, match="none"):
        open_lines(tmp_path / "none")


def test_shipped_lines_are_those_that_their_readme_credits():
    lines = rehearsal_lines()
    readme = (files("ocr.data") / "assets" / "README.md").read_text(encoding="utf-8")
    credited = {
        name: int(count) for name, count in re.findall(r"^\| (\w+) \| (\d+) \|", readme, re.MULTILINE)
    }
    samples = [lines[index] for index in range(len(lines))]
    assert credited == Counter(sample.source for sample in samples)
    assert all(sample.text.strip() for sample in samples)
    assert not {"copiste", "stanford", "hooker"} & set(credited), "measured as other hands"
