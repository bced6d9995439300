"""Source files of the package, each parsed once."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "ocr").rglob("*.py"))


@cache
def tree_of(file: str) -> ast.Module:
    """The syntax tree of a file, by its path from the root of the repository."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


@cache
def imported(file: str) -> frozenset[str]:
    """Dotted names of all modules that a file imports anywhere."""
    names = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)
