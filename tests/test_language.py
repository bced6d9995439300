"""The rules of docs/design.md for names, docstrings and the length of functions, held by tests."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.helpers.sources import ROOT, SOURCES, tree_of

TREES = {file: tree_of(file) for file in SOURCES}

MAX_LINES = 60
QUESTIONS = {"what", "whether", "how", "where", "which", "who", "when", "why", "see"}
FRAGMENTS = {"true", "false", "as", "from", "without", "with", "for", "between"}
BRITISH = re.compile(
    r"colour|behaviour|favour|neighbour|(?<!per)centre|labelled|cancelled(?!error)|modelled|artefact|grey(?!scale_)"
    r"|(?:normal|recogn|organ|initial|optim|serial|token|raster|vector|summar|synthes|local|general)is(?:e|ing|ation)",
    re.IGNORECASE,
)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(tree: ast.Module) -> Iterator[tuple[str, ast.Module | Definition]]:
    """The module, its public functions and classes, and the public methods of those classes, by name."""
    yield "the module", tree
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, Definition) and not method.name.startswith("_"):
                        yield f"{node.name}.{method.name}", method


def documented(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names and docstrings of everything that has one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | Definition) and (docstring := ast.get_docstring(node)):
            yield getattr(node, "name", "the module"), docstring


def test_what_is_public_is_documented():
    assert not [
        f"{file}: {name} has no docstring"
        for file, tree in TREES.items()
        for name, node in public(tree)
        if not ast.get_docstring(node) and getattr(node, "body", True)
    ]


def test_a_docstring_begins_with_a_verb_or_a_noun_phrase():
    assert not [
        f"{file}: {name}: {docstring.splitlines()[0]}"
        for file, tree in TREES.items()
        for name, docstring in documented(tree)
        if re.match(r"\w*", docstring)[0].lower() in QUESTIONS | FRAGMENTS
    ]


def test_functions_are_short():
    assert not [
        f"{file}: {node.name} has more than {MAX_LINES} lines"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= MAX_LINES
    ]


def test_spelling_is_american():
    found = []
    for file in TREES:
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        # `cancelled` is a method of Python's futures.
        current = [line.replace(".cancelled()", "") for line in lines if "former spelling" not in line]
        found += [f"{file}: {word}" for line in current for word in BRITISH.findall(line)]
    assert not found


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(file)
    assert not {name: files for name, files in places.items() if len(files) > 1}
