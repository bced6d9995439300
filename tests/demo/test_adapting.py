"""Adapting the recognizer from the web page: a training run in a process of its own."""

import json
import time

import pytest
from hydra import compose, initialize_config_dir

from ocr.commands.train import CONFIGS
from ocr.data.lines.adaptation import open_lines
from ocr.demo import adapting
from ocr.demo.corrections import CheckedLines, FolderCounts, save_lines
from ocr.demo.session import Session
from tests.helpers.pictures import encoded
from tests.helpers.uploads import checked
from tests.helpers.web import FIRST_LINE, User, resembles, served

SHORT = ["data.steps=[2,2]", "trainer.limit_val_batches=1", "data.num_workers=0", "data.pool=16", "threads=1"]


@pytest.fixture
def folder(tmp_path):
    """A folder of corrections, with just enough lines to learn from."""
    folder = tmp_path / 'my lines, [1]="2"'
    session = Session(tmp_path)
    for digest in ("aa", "bb"):
        save_lines(CheckedLines(*checked(session, digest, ["text"] * 10)), folder / f"{digest}.lines.parquet")
    return folder


def ended(user: User) -> dict:
    end = time.monotonic() + 300
    while (found := user.client.get("adapting").json())["state"] == "running":
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_the_command_is_understood_whatever_the_names(folder):
    pattern = FolderCounts(folder).pattern
    overrides = adapting.command(pattern, folder / "adapted" / "1", start="/a, b/bundle")[4:]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", overrides)
    assert config.data.path == pattern and config.init_from == "/a, b/bundle"
    assert len(open_lines(config.data.path)) == 20
    assert config.run_dir == str(folder / "adapted" / "1") and config.callbacks.checkpoint is None


def test_the_recognizer_is_adapted_and_reads_at_once(reader, scrap, folder, monkeypatch):
    whole = adapting.command
    monkeypatch.setattr(adapting, "command", lambda *a, **k: [*whole(*a, **k), *SHORT])
    with served(reader, corrections=folder) as address:
        user = User(address)
        idle = user.client.get("adapting").json()
        assert idle["possible"] and idle["state"] == "idle" and len(idle["readers"]) == 1
        assert user.client.post("adapting").json()["state"] == "running"
        assert user.client.post("adapting").status_code == 400, "one at a time"
        done = ended(user)
        assert done["state"] == "done" and done["step"] == done["steps"] == 2, done
        assert 0 <= done["after"] <= done["before"]
        assert (
            json.loads((folder / "adapted" / "1" / "bundle" / "bundle.json").read_text())["kind"]
            == "recognizer"
        )
        for name in ("1", ""):
            chosen = user.client.put("reader", json=name).json()["readers"]
            assert [each["name"] for each in chosen if each["chosen"]] == [name]
        assert user.client.put("reader", json="../1").status_code == 400
        user.client.put("reader", json="1")
        assert resembles(user.page(user.read(encoded(scrap)))["lines"][0]["text"], FIRST_LINE)


def test_a_run_can_be_stopped_and_a_failure_is_told(reader, folder, monkeypatch):
    whole = adapting.command
    with served(reader, corrections=folder) as address:
        user = User(address)
        user.client.post("adapting")
        assert user.client.delete("adapting").json()["state"] == "stopped"
        monkeypatch.setattr(adapting, "command", lambda *a, **k: [*whole(*a, **k), "trainer.max_epochs=-7.5"])
        user.client.post("adapting")
        failed = ended(user)
        assert failed["state"] == "failed" and failed["message"], failed


def test_nobody_adapts_without_lines_or_from_elsewhere(reader, tmp_path):
    with served(reader, corrections=tmp_path) as address:
        answer = User(address).client.post("adapting")
        assert answer.status_code == 400 and "too few" in answer.json()["error"]
    with served(reader) as address:
        assert User(address).client.get("adapting").json() == {"possible": False, "readers": []}
        assert User(address).client.post("adapting").status_code == 400
