"""Docstrings: what they refer to is there, also after it was moved or renamed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kneephen_utils import PACKAGES

ROOT = Path(__file__).parents[1]
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NOT_MODULES = {"torch", "crops", "knees", "visits", "radiograph"}  # libraries, tables, parameters
ENDINGS = {"safetensors", "bin", "toml", "parquet", "csv", "yml", "js", "json", "txt"}


def name(path: Path) -> str:
    return path.parent.name if path.name == "__init__.py" else path.stem


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield what a module defines or imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (each.asname or each.name for each in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@pytest.fixture(scope="module")
def there() -> dict[str, set[str]]:
    """Return what the modules of each name define; modules of a package count as its own."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.setdefault(name(path), set()).update(defined(tree))
        found.setdefault(path.parent.name, set()).add(path.stem)
    return found


def referred(path: Path) -> set[tuple[str, str]]:
    """Return each `module.name` of the docstrings of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = (ast.Module, ast.FunctionDef, ast.ClassDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, nodes)]
    return set(re.findall(r"`([a-z_]+)\.([A-Za-z_]\w*)`", "\n".join(texts)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_docstring_refers_to_is_there(path: Path, there: dict[str, set[str]]) -> None:
    asked = {
        (module, each)
        for module, each in referred(path)
        if module not in NOT_MODULES and each not in ENDINGS
    }
    assert {f"{m}.{n}" for m, n in asked if n not in there.get(m, ())} == set()
