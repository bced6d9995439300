"""Stroke files of three writers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.strokes import WORDS, row, write


@pytest.fixture
def word_file(tmp_path) -> Path:
    rows = [row(writer, word, "train", joined=writer == "b") for writer in "ab" for word in WORDS * 4]
    rows += [row("c", "tent", "val"), row("c", "note", "val")]
    return write(tmp_path / "words.parquet", rows)


@pytest.fixture
def line_file(tmp_path) -> Path:
    rows = [row("a", "ten or two", "train"), row("b", "not one net", "train"), row("c", "to note", "val")]
    return write(tmp_path / "lines.parquet", rows)
