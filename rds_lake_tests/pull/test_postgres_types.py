"""Every PostgreSQL type, from a database through the lake into another PostgreSQL, and into a DuckDB file.

The values are those that `stages/types/test_postgres.py` goes through to Athena, with all that a view loses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.pull.pulling import DAY, pull_of
from rds_lake_tests.stages.types.cases import rows_of
from rds_lake_tests.stages.types.test_postgres import CASES
from rds_lake_tests.support.world import World, execute

# What does not come back as the type it was: an export does not say it. Every value's text is the same all the same.
LISTED = {
    "numeric(12,2)": "numeric",
    "numeric(19,19)": "numeric",
    "money": "text",
    "integer[]": "text[]",
    "time[]": "text[]",
    "point[]": "text[]",
    "pair[]": "text[]",
    "datemultirange[]": "text[]",
    "box[]": "text",
    "int2vector": "text",
    "oidvector": "text",
    "mood": "text",
    "pair": "text",
    "positive": "integer",
    "bigserial": "bigint",
    "serial": "integer",
    "smallserial": "smallint",
}
_TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
"""


@dataclass(slots=True)
class Pulled:
    """By column: texts of the source; texts and types of the PostgreSQL target; values and types of the DuckDB file."""

    source: list[tuple[str | None, ...]]
    postgres: list[tuple[str | None, ...]]
    postgres_types: list[str]
    duckdb: list[tuple[Any, ...]]
    duckdb_types: list[str]
    source_types: list[str]
    lists: dict[int, tuple[list[str | None] | None, ...]]


@pytest.fixture(scope="module")
def pulled(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Pulled]:
    """One snapshot of a table with a column of every type, pulled into both."""
    url, back = postgres.create_database("typed"), postgres.create_database("back")
    columns = ", ".join(f"c{number} {case.kind}" for number, case in enumerate(CASES))
    pad = {"bigserial": "DEFAULT", "serial": "DEFAULT", "smallserial": "DEFAULT"}
    rows = ", ".join(f"({', '.join(row)})" for row in rows_of(CASES, pad=pad))
    execute(
        url,
        f"{_TYPES}CREATE TABLE types (n integer, {columns}); SET lc_monetary = 'C.UTF-8'; INSERT INTO types VALUES {rows}",
    )
    settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    directory = tmp_path_factory.mktemp("lake")
    file = directory / "typed.duckdb"
    with LocalCloud({"shop-prod": url}, exports=settings) as cloud, pytest.MonkeyPatch.context() as patch:
        world = World.provisioned(cloud, url=url, directory=directory, root=root)
        world.with_source(default_schema="typed.public")
        world.snapshot(DAY)
        world.publish(DAY)
        world.be_the_process(patch)
        for target in (back, file):
            done = pull_of(world)(target)
            assert done.exit_code == 0, done.output
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        described = connection.execute("DESCRIBE types").fetchall()
        texts = ", ".join(
            name if kind.endswith("[]") else f"hex({name})" if kind == "BLOB" else f"{name}::VARCHAR"
            for name, kind, *_ in described[1:]
        )
        found = connection.execute(f"SELECT {texts} FROM types ORDER BY n").fetchall()
    yield Pulled(
        source=_texts(url),
        source_types=_types(url),
        postgres=_texts(back),
        postgres_types=_types(back),
        duckdb=list(zip(*found, strict=True)),
        duckdb_types=[kind for _, kind, *_ in described[1:]],
        lists={
            number: _lists(url, number) for number, (_, kind, *_) in enumerate(described[1:]) if kind.endswith("[]")
        },
    )


def _texts(url: str) -> list[tuple[str | None, ...]]:
    columns = ", ".join(
        f"CASE WHEN c{number} IS DISTINCT FROM NULL THEN format('%s', c{number}) END" for number in range(len(CASES))
    )
    with psycopg.connect(url) as connection:
        connection.execute("SET timezone TO 'UTC'; SET lc_monetary = 'C.UTF-8'")
        return list(
            zip(*connection.execute(f"SELECT {columns} FROM types ORDER BY n".encode()).fetchall(), strict=True)
        )


def _lists(url: str, number: int) -> tuple[list[str | None] | None, ...]:
    with psycopg.connect(url) as connection:
        return tuple(
            row[0] for row in connection.execute(f"SELECT c{number}::text[] FROM types ORDER BY n".encode()).fetchall()
        )


def _types(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'types'::regclass AND attnum > 1 "
            "ORDER BY attnum"
        )
        return [kind for (kind,) in rows]


_NUMBERS = range(len(CASES))
_NAMES = [case.kind for case in CASES]


@pytest.mark.parametrize("number", _NUMBERS, ids=_NAMES)
def test_every_value_of_a_type_is_the_same_after_a_round_trip_through_the_lake(pulled: Pulled, number: int) -> None:
    assert pulled.postgres[number] == pulled.source[number]


def test_every_type_is_the_same_after_a_round_trip_or_is_listed(pulled: Pulled) -> None:
    kinds = zip(_NAMES, pulled.source_types, pulled.postgres_types, strict=True)
    assert {kind: now for kind, before, now in kinds if now != before or kind in LISTED} == LISTED


def _as_postgres(value: Any, kind: str) -> str | None:
    """What DuckDB shows of a value, as PostgreSQL shows it."""
    if value is None:
        return None
    if kind == "BLOB":
        return "\\x" + value.lower()
    if kind.startswith(("DATE", "TIMESTAMP")):
        return re.sub(r"^(\S+) \(BC\)(.*)$", r"\1\2 BC", value)
    if kind in ("DOUBLE", "FLOAT"):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(value, value)
    if kind == "BOOLEAN":
        return value[0]
    if kind.startswith("DECIMAL") and "." in value:
        return value.rstrip("0").rstrip(".")
    return value


@pytest.mark.parametrize("number", _NUMBERS, ids=_NAMES)
def test_every_value_of_a_type_is_the_same_in_a_duckdb_file(pulled: Pulled, number: int) -> None:
    kind, values, source = pulled.duckdb_types[number], pulled.duckdb[number], pulled.source[number]
    if kind.endswith("[]"):
        assert values == pulled.lists[number]
        return
    if kind.startswith("DECIMAL"):
        source = tuple(text and (text.rstrip("0").rstrip(".") if "." in text else text) for text in source)
    if _NAMES[number].startswith("char("):  # its padding is no part of the text that is exported
        source = tuple(text and text.rstrip() for text in source)
    assert tuple(_as_postgres(value, kind) for value in values) == source


def test_types_of_a_duckdb_file_are_the_best_that_hold_every_value(pulled: Pulled) -> None:
    kinds = dict(zip(_NAMES, pulled.duckdb_types, strict=True))
    assert {kind: now for kind, now in kinds.items() if now != "VARCHAR"} == {
        "bigint": "BIGINT",
        "bigserial": "BIGINT",
        "integer": "INTEGER",
        "serial": "INTEGER",
        "smallint": "SMALLINT",
        "smallserial": "SMALLINT",
        "double precision": "DOUBLE",
        "real": "FLOAT",
        "boolean": "BOOLEAN",
        "bytea": "BLOB",
        "numeric(19,19)": "DECIMAL(38,19)",
        "date": "DATE",
        "time": "TIME",
        "timestamp": "TIMESTAMP",
        "timestamptz": "TIMESTAMP WITH TIME ZONE",
        "text[]": "VARCHAR[]",
        "pair[]": "VARCHAR[]",
        "datemultirange[]": "VARCHAR[]",
        "json": "JSON",
        "jsonb": "JSON",
        "uuid": "UUID",
    }
