"""The API reference builds from the docstrings: `docs/build.py`."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("pdoc", reason="pdoc is not installed")


@pytest.fixture(scope="module")
def build():
    """The function of `docs/build.py`, which is a program beside the package."""
    spec = importlib.util.spec_from_file_location("build_reference", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build


@pytest.mark.slow
def test_the_whole_reference_builds(build, tmp_path):
    missing = build(tmp_path)
    assert not [message for message in missing if "left out" not in message], "names that do not resolve"
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "ocr.html" in index
    front = (tmp_path / "ocr.html").read_text(encoding="utf-8")
    assert "from_pretrained" in front, (
        "Reader, which is imported on first use, is documented with the package"
    )
    pages = {page.relative_to(tmp_path).as_posix() for page in tmp_path.rglob("*.html")}
    for module in (ROOT / "ocr" / "models").rglob("*.py"):
        name = module.relative_to(ROOT).with_suffix(".html").as_posix()
        assert module.name == "__init__.py" or name in pages


def test_one_package_builds(build, tmp_path):
    assert not build(tmp_path, ["ocr.losses"])
    page = (tmp_path / "ocr" / "losses" / "recognition.html").read_text(encoding="utf-8")
    assert "ctc_loss" in page and "Graves et al. 2006" in page


def test_a_module_that_cannot_be_imported_is_left_out_and_named(build, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ocr.losses.detection", None)
    missing = build(tmp_path, ["ocr.losses"])
    assert missing[0].startswith("ocr.losses.detection is left out: ")
    assert {page.name for page in (tmp_path / "ocr" / "losses").iterdir()} == {"recognition.html"}
