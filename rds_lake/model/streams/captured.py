"""A table whose changes are captured, as the database itself describes it.

The triggers write it, as JSON, into the table `rds_lake.capture` of the database (`render_captured`), so that a reader of the
outbox knows each table's columns and key as of the same instant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from rds_lake.model.records import read_record
from rds_lake.model.tables.table import TableTarget

# Where capture keeps its tables: a schema of each captured PostgreSQL database, a database of MySQL.
OWN_SCHEMA = "rds_lake"
OUTBOX, POSITION, CAPTURE = "outbox", "position", "capture"


class Capture(StrEnum):
    """Where triggers hand a change over."""

    OUTBOX = "outbox"
    LAMBDA = "lambda"


class Level(StrEnum):
    """What a trigger fires for. MySQL has triggers for rows only."""

    ROW = "row_level"
    STATEMENT = "statement_level"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedColumn:
    """`type`: the database's own words, with lengths: `numeric(12,2)`, `bit(1)`, `varchar(20)`."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedTable:
    """`key`: the columns of the primary key, in its order. `digest`: of the DDL that was generated for the table."""

    target: TableTarget
    columns: tuple[CapturedColumn, ...]
    key: tuple[str, ...]
    capture: Capture = Capture.OUTBOX
    level: Level = Level.ROW
    digest: str = ""


def own_tables(home: str) -> tuple[TableTarget, ...]:
    """The tables of capture that are exported with the captured tables. `home`: a captured database of PostgreSQL; in MySQL
    they have a database of their own, OWN_SCHEMA.
    """
    return tuple(TableTarget(database=home, schema=OWN_SCHEMA, table=name) for name in (OUTBOX, POSITION, CAPTURE))


def render_captured(table: CapturedTable) -> str:
    """The table as `rds_lake.capture.definition` has it: JSON in one line."""
    return json.dumps({"version": 1} | _members(table), default=_members)


def _members(one: Any) -> dict[str, Any]:
    """One level of `dataclasses.asdict`, which copies every value: a millisecond for a table, and a database has hundreds."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


def parse_captured(text: str, *, where: str) -> CapturedTable:
    """What `render_captured` made; ManifestError names `where` when it is something else."""
    remedy = "run `rds-lake streams triggers` for the source again"
    return read_record(CapturedTable, text, where=where, known=(1,), remedy=remedy)
