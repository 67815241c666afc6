"""The plan of MySQL's and MariaDB's triggers: every statement, in an order that is safe to interrupt anywhere.

MySQL has no transaction around DDL. So after a crash at any point, the state has to be harmless to writers, and the same
statements have to complete it:

    1. the database `rds_lake` and its tables                  no trigger names them yet
    2. per table   LOCK TABLES … WRITE                         no change between here and UNLOCK TABLES; it ends with the session
                   the table's definition                      no change without a definition
                   spare triggers, then without the old, then the new, then without the spare ones

Old triggers are dropped only when spare ones exist. A crash between two of these statements leaves a table without triggers,
with some, or with some twice: a change may be in the outbox twice, but no captured change is lost.

What belongs here: the order. A trigger is `body.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rds_lake.model.streams.captured import CAPTURE, OUTBOX, POSITION, Capture, CapturedTable
from rds_lake.sql.quoting import mysql_literal
from rds_lake.sql.triggers.mysql.body import HandsOver, Trigger, table_name, triggers_of
from rds_lake.sql.triggers.mysql.calls import ToLambda
from rds_lake.sql.triggers.mysql.notes import notes
from rds_lake.sql.triggers.mysql.outbox import (
    CREATE_CAPTURE,
    CREATE_DATABASE,
    CREATE_DROPPED,
    CREATE_OUTBOX,
    DROPPED,
    ToOutbox,
    define,
    forget,
    own_name,
)
from rds_lake.sql.triggers.plan import MOST_COLUMN_BYTES, TriggerPlan, Wanted, with_digest

# How long a statement waits for the transactions that use a table. New writers wait behind it.
LOCK_SECONDS = 5
_LOCK, _UNLOCK = "LOCK TABLES", "UNLOCK TABLES"

_SETTINGS = (
    "SET NAMES utf8mb4",
    # A trigger keeps the mode that it was created in: it makes no errors of values, and pads no CHAR.
    f"SET SESSION sql_mode = {mysql_literal('')}",
    # Without it, LOCK TABLES would lock the outbox too.
    "SET SESSION autocommit = 1",
    f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}",
    f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}",
)


def mysql_triggers(tables: Sequence[CapturedTable], wanted: Wanted) -> TriggerPlan:
    """Returns the plan for tables that can be captured."""
    to = _destination(wanted)
    digested = tuple(_with_digest(table, to) for table in tables)
    statements = [*_SETTINGS, *_own(wanted)]
    drop = [_SETTINGS[0], *_SETTINGS[2:]]
    for table in digested:
        triggers = triggers_of(table, to)
        statements += _replaced(table, triggers)
        drop += [trigger.drop(spare=spare) for spare in (True, False) for trigger in triggers]
    return TriggerPlan(
        statements=tuple(statements),
        drop=(*drop, *map(forget, digested)),
        notes=notes(wanted),
        tables=digested,
    )


def by_table(plan: TriggerPlan) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Returns the plan's statements before its first table, and those of each table, in the tables' order."""
    starts = [at for at, statement in enumerate(plan.statements) if statement.startswith(_LOCK)]
    ends = [*starts[1:], len(plan.statements)]
    blocks = tuple(plan.statements[start:end] for start, end in zip(starts, ends, strict=True))
    return plan.statements[: starts[0] if starts else None], blocks


def _with_digest(table: CapturedTable, to: HandsOver) -> CapturedTable:
    bare = replace(table, digest="")
    return with_digest(bare, [trigger.create() for trigger in triggers_of(bare, to)])


def _destination(wanted: Wanted) -> HandsOver:
    if wanted.capture is Capture.OUTBOX:
        return ToOutbox(limit=MOST_COLUMN_BYTES)
    return ToLambda(source=wanted.source, function=wanted.function or "", on_error=wanted.on_error)


def _own(wanted: Wanted) -> tuple[str, ...]:
    kept = CREATE_OUTBOX if wanted.capture is Capture.OUTBOX else (CREATE_DROPPED,)
    return (CREATE_DATABASE, CREATE_CAPTURE, *kept, *_grants(wanted))


def _grants(wanted: Wanted) -> tuple[str, ...]:
    """Returns the rights of the user who forwards. Writers need none, as a trigger runs with its definer's rights."""
    if wanted.reader is None:
        return ()
    user, _, host = wanted.reader.partition("@")
    reader = f"{mysql_literal(user)}@{mysql_literal(host or '%')}"
    rights = {CAPTURE: "SELECT", DROPPED: "SELECT"}
    if wanted.capture is Capture.OUTBOX:
        rights = {CAPTURE: "SELECT", OUTBOX: "SELECT, DELETE", POSITION: "SELECT, UPDATE"}
    return tuple(f"GRANT {right} ON {own_name(table)} TO {reader}" for table, right in rights.items())


def _replaced(table: CapturedTable, triggers: Sequence[Trigger]) -> tuple[str, ...]:
    return (
        f"{_LOCK} {table_name(table.target)} WRITE, {own_name(CAPTURE)} WRITE",
        define(table),
        *(trigger.drop(spare=True) for trigger in triggers),
        *(trigger.create(spare=True) for trigger in triggers),
        *(trigger.drop() for trigger in triggers),
        *(trigger.create() for trigger in triggers),
        *(trigger.drop(spare=True) for trigger in triggers),
        _UNLOCK,
    )
