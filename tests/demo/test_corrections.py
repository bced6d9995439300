"""Checked lines become a data set to adapt a recogniser to."""

import os
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from ocr.data.lines.adaptation import open_lines, split_by_document
from ocr.data.lines.manifest import ParquetLines
from ocr.demo.corrections import CheckedLines, FolderCounts, count_session, save_lines
from ocr.demo.limits import Limits
from ocr.demo.session import Session
from tests.helpers.pictures import encoded
from tests.helpers.uploads import checked
from tests.helpers.web import User, served


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "corrections"


def test_checked_lines_are_saved_as_they_are_checked(reader, scrap, folder):
    with served(reader, corrections=folder) as address:
        user = User(address)
        file = user.read(encoded(scrap), "brief an Zoë.png")
        reading = user.page(file)["lines"][0]["reading"]
        user.check(file, 0, reading)
        user.check(file, 1, "President “McClish”")
        (path,) = folder.iterdir()
        lines = ParquetLines(path)
        assert [line.text for line in (lines[0], lines[1])] == [reading, 'President "McClish"']
        assert lines[0].document == lines[1].document
        assert lines[1].image.shape[0] == 64 and lines.widths()[1] > 3
        assert np.ptp(lines[1].image) > 100, "ink on paper"
        user.check(file, 1, "")
        assert len(ParquetLines(path)) == 1, "a line that says nothing teaches nothing"
        user.client.delete(f"files/{file['id']}/pages/1/lines/0")
        assert not list(folder.iterdir())


def test_a_link_in_the_folder_is_not_followed(tmp_path, folder):
    folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    document, sheet = checked(Session(tmp_path), "aa", ["x"])
    path = folder / "letter.aa-1.tag.lines.parquet"
    for name in (path.name, f".{path.name}.part", f".{path.name}.{os.getpid()}.part"):
        (folder / name).symlink_to(victim)
    save_lines(CheckedLines(document, sheet), path)
    assert victim.read_text() == "precious"
    assert len(ParquetLines(path)) == 1 and not path.is_symlink()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "nothing"),
        (b"PAR1 and no more", "cut off"),
        (b"PAR1" + bytes(50) + b"\x10\0\0\0PAR1", "a broken footer"),
        (None, "a folder"),
        ({"text": ["a"]}, "another table"),
    ],
)
def test_a_damaged_file_in_the_folder_is_named(tmp_path, folder, content, why):
    document, sheet = checked(Session(tmp_path), "aa", ["x"] * 3)
    save_lines(CheckedLines(document, sheet), folder / "letter.aa-1.tag.lines.parquet")
    damaged = folder / "b.lines.parquet"
    if isinstance(content, dict):
        pq.write_table(pa.table(content), damaged)
    elif content is None:
        damaged.mkdir()
    else:
        damaged.write_bytes(content)
    counts = FolderCounts(folder)
    for _ in range(2):
        found = counts.count()
        assert (found.lines, found.pages, found.damaged) == (3, 1, ("b.lines.parquet",)), why


def test_what_the_recogniser_cannot_learn_is_said_at_once(reader, scrap, folder):
    with served(reader, corrections=folder) as address:
        user = User(address)
        file = user.read(encoded(scrap))
        assert user.check(file, 0, "plain")["note"] == ""
        assert "unknown to the model: 手 紙" in user.check(file, 0, "手紙 from afar")["note"]


@pytest.mark.parametrize(
    ("lines", "left", "why"), [("keep", 1, "they are saved"), ("forget", 0, "so wished")]
)
def test_a_removed_file_s_lines_stay_unless_they_are_to_go(reader, scrap, folder, lines, left, why):
    with served(reader, corrections=folder) as address:
        user = User(address)
        file = user.read(encoded(scrap))
        user.check(file, 0, "a")
        user.client.delete(f"files/{file['id']}", params={"lines": lines})
        assert len(list(folder.iterdir())) == left, why


def test_the_checked_lines_of_a_session_can_be_downloaded(reader, scrap, tmp_path):
    with served(reader) as address:
        user = User(address)
        assert user.client.get("corrections.parquet").status_code == 404
        pages = encoded(scrap, scrap, form="TIFF")
        file = user.read(pages)
        answer = user.client.get("corrections.parquet")
        assert answer.status_code == 400 and answer.json()["error"] == "no line has been checked yet"
        for number in (1, 2):
            user.check(file, 0, f"page {number}", number=number)
        path = tmp_path / "corrections.parquet"
        path.write_bytes(user.client.get("corrections.parquet").content)
        assert len(set(ParquetLines(path).documents())) == 2
        found = user.client.get("corrections").json()
        assert found == {"lines": 2, "pages": 2, "command": "", "damaged": [], "folder": ""}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("corrections", "nothing special"),
        ("my lines, 1=2", "characters that mean something to Hydra and the shell"),
        ('it\'s [a] "b"', "quotes and a pattern"),
    ],
)
def test_the_command_finds_what_was_gathered(tmp_path, name, why):
    folder = tmp_path / name
    session = Session(tmp_path)
    for digest, texts in {"aa": ["x"] * 15, "bb": ["y"] * 5}.items():
        document, sheet = checked(session, digest, texts)
        save_lines(CheckedLines(document, sheet), folder / f"letter.{digest}-1.tag.lines.parquet")
        # The same page once more, from another session.
        save_lines(CheckedLines(document, sheet), folder / f"letter.{digest}-1.other.lines.parquet")
    found = FolderCounts(folder).count()
    assert (found.lines, found.pages) == (20, 2)
    *command, override = shlex.split(found.command)
    assert command == ["uv", "run", "ocr", "train", "experiment=adapt"]
    parsed = OverridesParser.create().parse_override(override)
    lines = open_lines(parsed.value())
    assert parsed.key_or_group == "data.path" and len(lines) == 40, why
    learned, held = split_by_document(lines.documents(), 0.125, name="x")
    assert {lines[row].text for row in learned}.isdisjoint(lines[row].text for row in held)


@pytest.mark.parametrize(
    ("pages", "enough", "why"),
    [
        ({}, False, "nothing"),
        ({"a": 30}, False, "no page to measure by"),
        ({"a": 10, "b": 9}, False, "too few lines"),
        ({"a": 10, "b": 10}, True, "just enough"),
    ],
)
def test_a_command_is_offered_when_there_is_enough_to_learn_from(tmp_path, pages, enough, why):
    session = Session(tmp_path)
    for digest, count in pages.items():
        checked(session, digest, ["text"] * count)
    assert bool(count_session(session).command) is enough, why


def test_a_page_is_the_same_page_in_every_session(reader, scrap, folder):
    with served(reader, corrections=folder) as address:
        for name in ("one.png", "two.png"):
            user = User(address)
            user.check(user.read(encoded(scrap), name), 0, "text")
        assert len(list(folder.iterdir())) == 2
        assert len(set(ParquetLines(str(Path(folder) / "*.parquet")).documents())) == 1
        assert user.client.get("corrections").json()["lines"] == 1


def test_without_a_folder_nothing_is_kept(reader, scrap, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with served(reader, limits=Limits()) as address:
        user = User(address)
        user.check(user.read(encoded(scrap)), 0, "text")
        assert not list(tmp_path.iterdir())
