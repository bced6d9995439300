"""Bundles are replaced as a whole: whatever is killed when, the folder holds the old bundle or the new one."""

import contextlib
import hashlib
import json
import os
import threading
import time
from pathlib import Path

import pytest
import torch

from ocr.bundle import WEIGHTS, Bundle, available, files
from ocr.errors import BundleError

PARTS = ("model.safetensors", "bundle.json")


def fill(bundle: Bundle, value: float) -> Bundle:
    with torch.no_grad():
        for parameter in bundle.model.parameters():
            parameter.fill_(value)
    bundle.metrics = {"value": value}
    return bundle


def value_of(bundle: Bundle) -> float:
    """The number that the bundle was filled with. Its weights and its description must agree."""
    found = {float(value.unique()) for value in bundle.model.state_dict().values()}
    assert found == {bundle.metrics["value"]}, "weights of one bundle, description of another"
    return found.pop()


@pytest.fixture
def bundle(tiny_recognizer):
    return Bundle.load(tiny_recognizer)


def test_what_is_written_holds_the_checksum_of_its_weights(bundle, tmp_path):
    folder = fill(bundle, 1.0).save(tmp_path / "b")
    content = json.loads((folder / "bundle.json").read_text())
    assert content["weights_sha256"] == hashlib.sha256((folder / PARTS[0]).read_bytes()).hexdigest()
    assert sorted(path.name for path in folder.iterdir()) == sorted(PARTS)


@pytest.mark.weights
@pytest.mark.parametrize("name", available())
def test_shipped_bundles_hold_the_checksum_of_their_weights(name):
    content = json.loads((WEIGHTS / name / "bundle.json").read_text(encoding="utf-8"))
    assert content["weights_sha256"] == hashlib.sha256((WEIGHTS / name / PARTS[0]).read_bytes()).hexdigest()


def test_every_changed_byte_of_the_weights_is_noticed(bundle, tmp_path):
    folder = bundle.save(tmp_path / "b")
    whole = (folder / PARTS[0]).read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 50)):
        (folder / PARTS[0]).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(BundleError, match=r"model\.safetensors: damaged") as caught:
            Bundle.load(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("checksum", "reason"),
    [
        ("a" * 10_000, "too long for a file name"),
        ("../" * 3, "leads elsewhere"),
        ("A" * 64, "not as it is written"),
    ],
)
def test_what_is_no_checksum_is_refused_in_one_line(bundle, tmp_path, checksum, reason):
    folder = bundle.save(tmp_path / "bundle")
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"weights_sha256": checksum}))
    with pytest.raises(BundleError, match="weights_sha256 is not a SHA-256"):
        Bundle.load(folder)


def test_bundles_without_checksum_load(bundle, tmp_path):
    folder = bundle.save(tmp_path / "b")
    content = json.loads((folder / "bundle.json").read_text())
    del content["weights_sha256"]
    (folder / "bundle.json").write_text(json.dumps(content))
    Bundle.load(folder)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("old", ["", "checksum", "no checksum"])
@pytest.mark.parametrize("moment", range(8))
def test_a_kill_at_any_step_of_writing_leaves_a_whole_bundle(bundle, tmp_path, monkeypatch, moment, old):
    folder, steps = tmp_path / "b", []
    if old:
        fill(bundle, 1.0).save(folder)
    if old == "no checksum":
        content = json.loads((folder / "bundle.json").read_text())
        del content["weights_sha256"]
        (folder / "bundle.json").write_text(json.dumps(content))

    def interrupted(function):
        def call(*arguments, **options):
            steps.append(function)
            if len(steps) > moment:
                raise Killed
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("replace", "fsync"):
            patch.setattr(os, name, interrupted(getattr(os, name)))
        # A killed process removes nothing.
        patch.setattr(Path, "unlink", interrupted(Path.unlink))
        with contextlib.suppress(Killed):
            fill(bundle, 2.0).save(folder)
    if not (folder / "bundle.json").exists():
        assert not old
    else:
        assert value_of(Bundle.load(folder)) in ((1.0, 2.0) if old else (2.0,))
    fill(bundle, 3.0).save(folder)
    assert value_of(Bundle.load(folder)) == 3.0
    assert sorted(path.name for path in folder.iterdir()) == sorted(PARTS), "what a kill left is removed"


def test_a_reader_never_meets_a_mixed_pair(tiny_recognizer, bundle, tmp_path):
    folder, stop, seen = fill(bundle, 0.0).save(tmp_path / "b"), threading.Event(), []

    def write():
        other = Bundle.load(tiny_recognizer)
        for number in range(1, 2000):
            if stop.is_set():
                return
            fill(other, float(number % 100)).save(folder)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        # On a busy machine, the writer may have no turn during a hundred loads.
        end = time.monotonic() + 60
        while len(seen) < 100 or (len(set(seen)) <= 3 and time.monotonic() < end):
            seen.append(value_of(Bundle.load(folder)))
    finally:
        stop.set()
        writer.join()
    assert len(set(seen)) > 3


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [("022", "644"), ("077", "600"), ("002", "664")])
def test_file_modes_follow_the_umask(tiny_recognizer, tmp_path, umask, mode):
    before = os.umask(int(umask, 8))
    try:
        Bundle.load(tiny_recognizer).save(tmp_path / "b")
    finally:
        os.umask(before)
    assert [oct((tmp_path / "b" / name).stat().st_mode)[-3:] for name in PARTS] == [mode, mode]


def test_a_full_disk_costs_one_line_and_not_the_old_bundle(bundle, tmp_path, monkeypatch):
    folder = fill(bundle, 1.0).save(tmp_path / "b")

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(BundleError, match="b: cannot be written .No space left on device.") as caught:
            fill(bundle, 2.0).save(folder)
    assert "\n" not in str(caught.value) and value_of(Bundle.load(folder)) == 1.0
    assert sorted(path.name for path in folder.iterdir()) == sorted(PARTS)
