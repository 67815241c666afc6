"""What the code is made of, read from the code itself: modules, their imports, the length of files and functions.

What belongs here: reading and counting. What must hold is asserted by `test_layers.py` and `test_house.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "rds_lake"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function or method. `lines` without its docstring, with its decorators."""

    name: str
    lines: int
    docstring: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One file. `imports` are dotted names, down to the module where ours are imported from a package."""

    name: str
    path: Path
    lines: int
    imports: frozenset[str]
    functions: tuple[Function, ...]


@cache
def paths() -> dict[str, Path]:
    """The file of every module of the package that has code, by the module's name."""
    return {_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if path.read_text(encoding="utf-8").strip()}


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package that has code."""
    return tuple(module(name) for name in paths())


@cache
def module(name: str) -> Module:
    """A module, read: for tests that have one of each, so that nobody reads them all who only looks for tests."""
    return _read(name, paths()[name])


def circles() -> list[list[str]]:
    """Groups of modules that import each other, directly or not."""
    names = {module.name for module in modules()}
    imports = {module.name: module.imports & names for module in modules()}
    reached = {name: _reached(name, imports) for name in imports}
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in reached if a in reached[a]}
    return sorted(sorted(group) for group in groups)


def folders() -> dict[str, int]:
    """Folders of the package and the tests, and how many files of code each has beside its sub-folders."""
    roots = (PACKAGE, PACKAGE.parent / "rds_lake_tests")
    found: dict[str, int] = {}
    for root in roots:
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
            if files:
                found[str(folder.relative_to(PACKAGE.parent))] = len(files)
    return found


def _reached(start: str, imports: dict[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(imports[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imports[name]
    return found


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def _read(name: str, path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    return Module(
        name=name,
        path=path,
        lines=len(text.splitlines()),
        imports=frozenset(_imports(tree)),
        functions=tuple(_functions(tree)),
    )


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if node.module.startswith("rds_lake") and _is_module(name) else node.module


def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or node.lineno) - first + 1 - (docstring.count("\n") + 1 if docstring else 0)
            yield Function(name=node.name, lines=lines, docstring=docstring)
