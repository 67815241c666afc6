"""The files for a Spark cluster: the script, and a zip of rds-lake's modules that it imports.

    s3://acme-lake/lake/_jobs/3f9c2d71ab04/spark_job.py
    s3://acme-lake/lake/_jobs/3f9c2d71ab04/rds_lake_rules.zip      Glue: --extra-py-files, elsewhere: --py-files

The zip depends only on rds-lake's source, so the digest says whether a cluster has this release.
"""

from __future__ import annotations

import ast
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_PACKAGE = Path(__file__).parent.parent.parent
_SCRIPT = "rds_lake.convert.spark.job"

SCRIPT_NAME = "spark_job.py"
RULES_NAME = "rds_lake_rules.zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The two files."""

    script: bytes
    rules: bytes

    @property
    def digest(self) -> str:
        """Returns the name of the folder in S3, which changes when one of the files changes."""
        return hashlib.sha256(self.script + self.rules).hexdigest()[:12]


@cache
def build_bundle() -> Bundle:
    """Returns the files of this release, which do not change while a process runs."""
    return Bundle(script=_file(_SCRIPT).read_bytes(), rules=_zip(_modules(_SCRIPT) - {_SCRIPT}))


def _zip(modules: set[str]) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for module in sorted(modules):
            path = _file(module)
            name = ZipInfo(path.relative_to(_PACKAGE.parent).as_posix(), (2020, 1, 1, 0, 0, 0))
            name.compress_type = ZIP_DEFLATED
            archive.writestr(name, path.read_bytes())
    return stream.getvalue()


def _modules(start: str) -> set[str]:
    """Returns the module and all modules of rds-lake that it imports, directly or not, with their packages."""
    modules: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module not in modules:
            modules.add(module)
            parents = [module.rpartition(".")[0]] if "." in module else []
            waiting += [*parents, *_imports(module)]
    return modules


def _imports(module: str) -> list[str]:
    nodes = _executed(ast.parse(_file(module).read_text(encoding="utf-8")))
    named = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return [name for name in named if name.split(".")[0] == _PACKAGE.name]


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Returns the nodes below, without those that only a type checker reads, where `rds_lake` imports Dagster's components."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from _executed(child)


def _file(module: str) -> Path:
    path = _PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
