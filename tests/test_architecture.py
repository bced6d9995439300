"""The structure that docs/design.md promises, held by tests."""

import ast

import pytest
from importlinter.cli import lint_imports

from tests.helpers.sources import ROOT, SOURCES, imported, tree_of

ENTRY_POINTS = ("train.py", "evaluate.py", "infer.py")


def test_imports_point_one_way(monkeypatch):
    monkeypatch.chdir(ROOT)
    # It would disable all loggers that there are, among them those that other tests listen to.
    monkeypatch.setattr("logging.config.dictConfig", lambda config: None)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True) == 0


@pytest.mark.parametrize(
    ("where", "forbidden", "why"),
    [
        ("ocr/models/", "lightning", "a model is tensors in, tensors out"),
        ("ocr/nn/", "lightning", "a layer is tensors in, tensors out"),
        ("ocr/inference/", "lightning", "reading a page must not load a training framework"),
        ("ocr/output/", "torch", "writers take plain data"),
        ("ocr/synth/", "torch", "lines and pages are drawn in worker processes that need no PyTorch"),
        ("ocr/geometry/", "torch", "geometry is numpy and shapely"),
        ("ocr/", "pickle", "nothing pickled is ever read from a bundle or a data set"),
    ],
)
def test_a_part_does_without(where, forbidden, why):
    users = [
        file
        for file in SOURCES
        if file.startswith(where) and any(name.split(".")[0] == forbidden for name in imported(file))
    ]
    # The server of the web page and the process that reads for it are two parts of one program.
    pipes = {"ocr/demo/process.py", "ocr/demo/process_child.py"} if forbidden == "pickle" else set()
    assert set(users) == pipes, f"{forbidden} imported: {why}"


@pytest.mark.parametrize("package", ["hydra", "omegaconf"])
def test_only_commands_with_a_configuration_import_hydra(package):
    users = {
        file for file in [*ENTRY_POINTS, *SOURCES] if package in {n.split(".")[0] for n in imported(file)}
    }
    assert users == {f"ocr/commands/{name}.py" for name in ("train", "evaluate")}, (
        "configuration is composed by the commands and handed down as plain objects"
    )


@pytest.mark.parametrize(("package", "engine"), [("rapidocr", "rapidocr"), ("transformers", "trocr")])
def test_engines_to_compare_with_are_imported_by_their_adapters_alone(package, engine):
    users = {file for file in SOURCES if package in {name.split(".")[0] for name in imported(file)}}
    assert users == {f"ocr/evaluation/engines/{engine}.py"}


@pytest.mark.parametrize("file", ENTRY_POINTS)
def test_entry_points_are_short(file):
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= 80


def test_every_module_says_what_it_is():
    trees = {file: tree_of(file) for file in [*ENTRY_POINTS, *SOURCES]}
    assert not [file for file, tree in trees.items() if tree.body and not ast.get_docstring(tree)]


def test_what_tests_share_is_in_helpers():
    users = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        shared = [name.rsplit(".", 1)[-1] for name in imported(file) if name.startswith("tests.")]
        if found := [name for name in shared if name.startswith("test_") or name == "conftest"]:
            users[file] = found
    assert not users, "a test module imports from another"


def test_no_handler_catches_everything():
    broad = []
    for file in [*ENTRY_POINTS, *SOURCES]:
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.ExceptHandler):
                names = [n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)] if node.type else [""]
                broad += [
                    f"{file}:{node.lineno}" for name in names if name in ("", "Exception", "BaseException")
                ]
    assert not broad, "an error that is not expected must surface"
