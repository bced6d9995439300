"""Bundles of the hub, by the real client and a stand-in server: push, read, pin, go offline, and each way to fail."""

import builtins
import json
import shutil

import pytest

from ocr.bundle import Bundle, hub, resolve
from ocr.bundle.hub import HubName
from ocr.commands import card, main
from ocr.errors import BundleError, ConfigError
from tests.helpers.hub import HubServer

pytest.importorskip("huggingface_hub")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """An empty hub with an empty cache, and a folder to work in."""
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


@pytest.fixture
def pushed(server, tiny_recognizer, capsys):
    assert main(["push", str(tiny_recognizer), "me/hand", "--tag", "v1"]) == 0
    assert capsys.readouterr().out.startswith("me/hand@")
    return server


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("me/hand", HubName("me/hand"), "a name"),
        ("me/hand@v1", HubName("me/hand", "v1"), "a tag"),
        ("me/hand@refs/pr/1", HubName("me/hand", "refs/pr/1"), "a revision with slashes"),
        ("hand", None, "a shipped name"),
        ("runs/adapt/bundle", None, "a path"),
        ("../hand", None, "a path"),
        ("/hand", None, "a path"),
        ("timm:vit/small", None, "of another collection"),
        ("me/hand@", None, "no revision"),
    ],
)
def test_names_of_the_hub_are_told_from_paths(text, expected, why):
    assert HubName.parse(text) == expected, why


def test_a_bundle_and_its_card_go_to_the_hub_and_come_back(pushed, tiny_recognizer):
    (repository,) = pushed.repositories.values()
    (files,) = [files for files in repository.commits.values() if files]
    assert set(files) == {"bundle.json", "model.safetensors", "README.md"} and not repository.private
    text = files["README.md"].decode()
    assert (
        text.startswith("---\nlibrary_name: handwriting-reader\n") and "pipeline_tag: image-to-text" in text
    )
    assert 'Reader.from_pretrained(recognizer="me/hand")' in text and "](../" not in text
    loaded = Bundle.load("me/hand", kind="recognizer")
    assert loaded.name == "tiny" and repository.messages[-1] == "tiny 0.1.0"
    for key, weight in Bundle.load(tiny_recognizer).model.state_dict().items():
        assert (loaded.model.state_dict()[key] == weight).all()


def test_commands_read_with_it(pushed, capsys):
    from PIL import Image

    Image.new("L", (60, 16), 255).save("line.png")
    assert main(["read", "input=line.png", "detector=none", "recognizer=me/hand@v1"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == "a" and "Fetching" not in captured.err


def test_a_revision_stays_what_it_was(pushed, tiny_recognizer, tmp_path):
    first = pushed.repositories["me/hand"].names["v1"]
    later = shutil.copytree(tiny_recognizer, tmp_path / "later")
    content = json.loads((later / "bundle.json").read_text())
    (later / "bundle.json").write_text(json.dumps(content | {"version": "2.0"}))
    assert main(["push", str(later), "me/hand", "--message", "better"]) == 0
    assert pushed.repositories["me/hand"].messages[-1] == "better"
    versions = {name: Bundle.load(name).version for name in ("me/hand", "me/hand@v1", f"me/hand@{first}")}
    assert list(versions.values()) == ["2.0", "0.1.0", "0.1.0"]


def test_it_is_downloaded_once_and_read_without_a_network(pushed, monkeypatch):
    Bundle.load("me/hand")
    sent = len(pushed.requests)
    Bundle.load("me/hand")
    assert not [line for line in pushed.requests[sent:] if "safetensors" in line and line.startswith("GET")]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    sent = len(pushed.requests)
    assert Bundle.load("me/hand").name == "tiny" and len(pushed.requests) == sent


def test_an_unreachable_hub_leaves_the_cache(pushed, monkeypatch):
    Bundle.load("me/hand")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert Bundle.load("me/hand").name == "tiny"
    with pytest.raises(BundleError, match="^me/other: not in the cache, and the hub cannot be reached$"):
        Bundle.load("me/other")


def test_offline_says_so(server, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BundleError, match="^me/hand: not in the cache, and the hub cannot be reached$"):
        Bundle.load("me/hand")
    assert not server.requests


@pytest.mark.parametrize(
    ("name", "change", "message", "why"),
    [
        ("me/none", {}, "me/none: no such repository, or a private one", "no repository"),
        ("me/hand@v9", {}, "me/hand@v9: the repository has no such revision", "no revision"),
        (
            "me/hand",
            {"bundle.json": None},
            "me/hand: not a bundle, the repository has no bundle.json",
            "a model of others",
        ),
        ("me/hand", {"model.safetensors": None}, "has no model.safetensors", "half a bundle"),
        ("me/hand", {"model.safetensors": b"x"}, "damaged, its SHA-256", "other weights"),
        ("me/hand", {"bundle.json": b"{"}, "not readable JSON", "a broken description"),
        (
            "me/hand",
            {"weights_sha256": None},
            "me/hand: its bundle.json has no SHA-256",
            "weights cannot be checked",
        ),
    ],
)
def test_what_cannot_be_loaded_costs_one_line(pushed, name, change, message, why):
    repository = pushed.repositories["me/hand"]
    files = dict(repository.commits[repository.names["main"]])
    if change == {"weights_sha256": None}:
        content = json.loads(files["bundle.json"])
        del content["weights_sha256"]
        change = {"bundle.json": json.dumps(content).encode()}
    repository.commits["f" * 40] = {k: v for k, v in (files | change).items() if v is not None}
    repository.names["main"] = "f" * 40
    with pytest.raises(BundleError) as caught:
        Bundle.load(name)
    assert message in str(caught.value) and "\n" not in str(caught.value), why


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    real = builtins.__import__

    def refuse(name, *arguments):
        if name.startswith("huggingface_hub"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match="me/hand: the hub needs huggingface_hub, .* extra `hub`"):
        Bundle.load("me/hand")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "me/hand"], "unknown bundle 'none'"),
        (["BUNDLE", "hand"], "'hand' is no name of a repository"),
        (["BUNDLE", "me/hand@v1"], "'me/hand@v1' is no name of a repository"),
        (["BUNDLE", "you/hand"], "you/hand: the hub says 403: You don't have the rights"),
    ],
)
def test_what_cannot_be_pushed_costs_one_line(server, tiny_recognizer, capsys, arguments, message):
    server.writable = False
    assert main(["push", *(str(tiny_recognizer) if word == "BUNDLE" else word for word in arguments)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and message in err and err.count("\n") == 1
    assert not server.repositories


def test_a_dry_run_shows_the_card_and_sends_nothing(server, tiny_recognizer, capsys):
    assert main(["push", str(tiny_recognizer), "me/hand", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("---\n") and not server.requests


def test_copies_in_the_cache_are_not_written_to(pushed, tmp_path, capsys):
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"cer": 7.0}))
    assert card.main(["me/hand", "--report", f"test={report}", "--example", "none"]) == 2
    assert "me/hand: a bundle of the hub is not changed here" in capsys.readouterr().err


def test_a_folder_comes_first_and_hides_the_hub(pushed, tmp_path):
    (tmp_path / "me").mkdir()
    with pytest.raises(BundleError, match="unknown bundle 'me/hand'"):
        resolve("me/hand")
    assert hub.fetch(HubName("me/hand")).is_dir()
