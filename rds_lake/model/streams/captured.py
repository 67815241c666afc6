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
    """How triggers pass on changes: to an outbox or to AWS Lambda."""

    OUTBOX = "outbox"
    LAMBDA = "lambda"


class Level(StrEnum):
    """Whether a trigger fires per row or per statement. MySQL only has row-level triggers."""

    ROW = "row_level"
    STATEMENT = "statement_level"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedColumn:
    """A captured column. `type`: as the database writes it, with lengths: `numeric(12,2)`, `bit(1)`, `varchar(20)`."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedTable:
    """A captured table. `key`: columns of the primary key, in key order. `digest`: of the DDL generated for the table."""

    target: TableTarget
    columns: tuple[CapturedColumn, ...]
    key: tuple[str, ...]
    capture: Capture = Capture.OUTBOX
    level: Level = Level.ROW
    digest: str = ""


def own_tables(home: str) -> tuple[TableTarget, ...]:
    """Returns the tables of capture that are exported together with the captured tables.

    `home`: a captured database of PostgreSQL. In MySQL they have their own database, OWN_SCHEMA.
    """
    return tuple(TableTarget(database=home, schema=OWN_SCHEMA, table=name) for name in (OUTBOX, POSITION, CAPTURE))


def render_captured(table: CapturedTable) -> str:
    """Returns the table as `rds_lake.capture.definition` stores it: JSON in one line."""
    return json.dumps({"version": 1} | _members(table), default=_members)


def _members(record: Any) -> dict[str, Any]:
    """Returns one level of `dataclasses.asdict`, which would copy every value: a millisecond per table, of hundreds."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def parse_captured(text: str, *, where: str) -> CapturedTable:
    """Returns the table that `render_captured` wrote. Raises ManifestError, which names `where`, for anything else."""
    remedy = "run `rds-lake streams triggers` for the source again"
    return read_record(CapturedTable, text, where=where, known=(1,), remedy=remedy)
