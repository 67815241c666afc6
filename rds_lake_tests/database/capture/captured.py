"""Captured tables of an embedded PostgreSQL, and what their changes add up to."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import install
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.localcloud.databases.source import SourceDatabase, SourceTable
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.event import ChangeEvent, Image, Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted, require_capturable

State = dict[tuple[str | None, ...], dict[str, str | None]]


def dsn_of(url: str) -> Dsn:
    return parse_dsn(url, where="--dsn")


def target_in(url: str, table: str, schema: str = "public") -> TableTarget:
    return TableTarget(database=url.rpartition("/")[2], schema=schema, table=table)


def planned(url: str, *targets: TableTarget, wanted: Wanted) -> TriggerPlan:
    """The plan of the tables as they are now."""
    described = describe(dsn_of(url), targets, capture=wanted.capture, level=wanted.level)
    return generate(Engine.POSTGRES, require_capturable(described), wanted)


def capture(url: str, *tables: str, source: str = "shop", **more: Any) -> TriggerPlan:
    """The tables of `public`, captured from now on; `more` is of `Wanted`."""
    wanted = Wanted(source=source, **more)
    plan = planned(url, *(target_in(url, table) for table in tables), wanted=wanted)
    install(dsn_of(url), plan)
    return plan


def events(connection: psycopg.Connection[Any], table: str | None = None) -> list[ChangeEvent]:
    """What the outbox has of the table, or of all, by `seq`."""
    rows = connection.execute(
        "SELECT seq, op, at, xid, old_image, new_image, omitted FROM rds_lake.outbox "
        "WHERE table_name = coalesce(%s, table_name) ORDER BY seq",
        [table],
    )
    return [
        ChangeEvent(
            seq=seq,
            op=Op(op),
            at=at,
            xid=xid,
            old=json.loads(old) if old else None,
            new=json.loads(new) if new else None,
            omitted=tuple(json.loads(omitted or "[]")),
        )
        for seq, op, at, xid, old, new, omitted in rows
    ]


def replayed(changes: Sequence[ChangeEvent], key: Sequence[str], state: State | None = None) -> State:
    """The rows by key after all changes, one after the other."""
    rows = dict(state or {})

    def key_of(image: Image) -> tuple[str | None, ...]:
        return tuple(image[name] for name in key)

    for change in changes:
        if change.op is Op.TRUNCATE:
            rows.clear()
        if change.old is not None:
            rows.pop(key_of(change.old), None)
        if change.new is not None:
            rows[key_of(change.new)] = dict(change.new)
    return rows


def exported(database: SourceDatabase, table: SourceTable, key: Sequence[str]) -> State:
    """The rows by key as an export of the table has them; native types as PostgreSQL writes them."""
    rows: Iterator[dict[str, Any]] = (row for batch in database.batches(table) for row in batch.to_pylist())
    texts = [{column.name: _text(row[column.name], column.expected) for column in table.columns} for row in rows]
    return {tuple(row[name] for name in key): row for row in texts}


def _text(value: Any, expected: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number(value, single=expected == "float")
    return str(value)


def number(value: float, *, single: bool) -> str:
    """A float in one spelling, for comparisons."""
    return "nan" if math.isnan(value) else repr(struct.unpack("f", struct.pack("f", value))[0] if single else value)
