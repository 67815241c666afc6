"""Installs triggers in a PostgreSQL database, in one transaction that makes no writer wait for long."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from rds_lake.database.capture.postgres_describe import read_tables
from rds_lake.database.capture.postgres_session import postgres_session
from rds_lake.database.dsn import Dsn
from rds_lake.errors import ConfigError
from rds_lake.model.streams.captured import CapturedTable, parse_captured
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import qualified
from rds_lake.sql.triggers.plan import TriggerPlan
from rds_lake.sql.triggers.postgres import trigger_names
from rds_lake.sql.triggers.postgres_tables import OWN_COLUMNS

# The longest waits for the lock of one table and for all locks. While a lock request waits, new writers must wait behind it.
LOCK_SECONDS, ALL_LOCKS_SECONDS = 2, 5
_STATEMENT_SECONDS = 30
_TRIGGERS = """
SELECT w.place, t.tgname, t.tgenabled::text, t.tgrelid::regclass::text, p.prosrc, t.tgrelid = w.relation
FROM (SELECT place, to_regclass(name) AS relation FROM unnest(%s::text[]) WITH ORDINALITY AS u (name, place)) AS w
CROSS JOIN LATERAL (SELECT w.relation AS relid UNION SELECT relid FROM pg_partition_tree(w.relation)) AS tree
JOIN pg_trigger t ON t.tgrelid = tree.relid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgname = ANY (%s)
"""
_BODY = re.compile(r"\nAS (\$\w*\$)(.*)\1$", re.DOTALL)
# A trigger: name, how it is enabled, table, body of its function, whether it is on the captured table (not on a partition).
_Trigger: TypeAlias = tuple[str, str, str, str, bool]


def install(dsn: Dsn, plan: TriggerPlan) -> None:
    """See `install.py`."""
    right = not _compared(dsn, plan)[0]
    with postgres_session(dsn, _database(plan.tables), writes=True) as connection:
        if right:
            _execute(connection, [statement for statement in plan.statements if statement.startswith("GRANT ")])
            return
        _lock(connection, plan.tables)
        if changed := [str(table.target) for table in plan.tables if _columns_differ(connection, table)]:
            raise ConfigError("tables were altered since their triggers were written; do it again:", changed)
        _execute(connection, plan.statements)
        _require_own_tables(connection)


def uninstall(dsn: Dsn, plan: TriggerPlan) -> None:
    """See `install.py`."""
    with postgres_session(dsn, _database(plan.tables), writes=True) as connection:
        there = read_tables(connection, [table.target for table in plan.tables])
        _lock(connection, [table for table in plan.tables if (table.target.schema, table.target.table) in there])
        _execute(connection, plan.drop)


def installed(dsn: Dsn, database: str) -> tuple[CapturedTable, ...]:
    """Returns the tables that the database itself records as captured."""
    with postgres_session(dsn, database) as connection:
        return tuple(_captured(connection, database))


def differences(dsn: Dsn, plan: TriggerPlan) -> tuple[str, ...]:
    """See `install.py`."""
    problems, others = _compared(dsn, plan)
    return (*problems, *(f"{target}: is captured, but is not in `streams.tables` of lake.yaml" for target in others))


def _compared(dsn: Dsn, plan: TriggerPlan) -> tuple[list[str], tuple[TableTarget, ...]]:
    """Returns the differences of the plan's tables, and the captured tables that are not in the plan."""
    database = _database(plan.tables)
    with postgres_session(dsn, database) as connection:
        known = {table.target: table for table in _captured(connection, database)}
        triggers, bodies = _triggers(connection, plan.tables), _bodies(plan)
        problems = [
            problem
            for place, table in enumerate(plan.tables, start=1)
            for problem in (
                *_of_definition(table, known.pop(table.target, None)),
                *_of_triggers(table, triggers[place], bodies),
            )
        ]
    return problems, tuple(known)


def _of_definition(table: CapturedTable, was: CapturedTable | None) -> Iterator[str]:
    if was is None:
        yield f"{table.target}: is not captured"
        return
    before, now = ({column.name: column.type for column in each.columns} for each in (was, table))
    for name in now.keys() - before.keys():
        yield f"{table.target}: column {name!r} was added and is not captured; generate the triggers again"
    for name in before.keys() - now.keys():
        yield (
            f"{table.target}: column {name!r} was removed or renamed; generate the triggers again; until then every change is "
            "read column by column"
        )
    for name in before.keys() & now.keys():
        if before[name] != now[name]:
            yield f"{table.target}: column {name!r} was {before[name]} and is {now[name]}; generate the triggers again"
    if was.key != table.key:
        yield f"{table.target}: the primary key was {list(was.key)} and is {list(table.key)}; generate the triggers again"
    elif before == now and was.digest != table.digest:
        yield f"{table.target}: its triggers were generated with other settings or by another release; generate them again"


def _triggers(connection: Any, tables: Sequence[CapturedTable]) -> Mapping[int, list[_Trigger]]:
    """Returns the triggers with capture's names of each table and its partitions; the first table has the number 1."""
    names = sorted({name for table in tables for name in trigger_names(table)})
    relations = [qualified(table.target.schema, table.target.table) for table in tables]
    triggers: dict[int, list[_Trigger]] = defaultdict(list)
    for place, *trigger in connection.execute(_TRIGGERS, [relations, names]):
        triggers[place].append(tuple(trigger))
    return triggers


def _bodies(plan: TriggerPlan) -> frozenset[str]:
    """Returns the bodies of the plan's functions as the database stores them: the text between the dollar quotes."""
    bodies = (
        _BODY.search(statement) for statement in plan.statements if statement.startswith("CREATE OR REPLACE FUNCTION")
    )
    return frozenset(body[2] for body in bodies if body)


def _of_triggers(table: CapturedTable, triggers: Sequence[_Trigger], bodies: Collection[str]) -> Iterator[str]:
    names = trigger_names(table)
    there = {name for name, _, _, _, own in triggers if own}
    for name in names:
        if name not in there:
            yield f"{table.target}: the trigger {name!r} is missing"
    for name, enabled, where, source, _ in triggers:
        if name not in names:
            continue
        if enabled in ("D", "R"):
            yield f"{table.target}: the trigger {name!r} of {where} is disabled: changes are lost; ALTER TABLE … ENABLE TRIGGER"
        if source not in bodies:
            yield f"{table.target}: the function of the trigger {name!r} of {where} differs from the generated one"


def _captured(connection: Any, database: str) -> Iterator[CapturedTable]:
    if connection.execute("SELECT to_regclass('rds_lake.capture')").fetchone()[0] is None:
        return
    for schema, table, text in connection.execute("SELECT table_schema, table_name, definition FROM rds_lake.capture"):
        yield parse_captured(text, where=f"rds_lake.capture of {database}, {schema}.{table}")


def _columns_differ(connection: Any, table: CapturedTable) -> bool:
    table_now = read_tables(connection, [table.target]).get((table.target.schema, table.target.table))
    return table_now is None or table_now.columns != table.columns or table_now.key != table.key


def _execute(connection: Any, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement.encode())


def _require_own_tables(connection: Any) -> None:
    """ConfigError if other tables have the names of capture's own tables: triggers could not write to them."""
    for table, columns in OWN_COLUMNS.items():
        (existing,) = connection.execute(
            "SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute "
            "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            [f"rds_lake.{table}"],
        ).fetchone()
        if existing is not None and existing != list(columns):
            raise ConfigError(
                f"rds_lake.{table} has the columns {existing} and should have {list(columns)}: another program or another "
                "release of rds-lake made it; nothing was changed"
            )


def _lock(connection: Any, tables: Sequence[CapturedTable]) -> None:
    connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
    connection.execute(f"SET LOCAL statement_timeout = '{ALL_LOCKS_SECONDS}s'".encode())
    if tables:
        listed = ", ".join(qualified(table.target.schema, table.target.table) for table in tables)
        connection.execute(f"LOCK TABLE {listed} IN SHARE ROW EXCLUSIVE MODE".encode())
    connection.execute(f"SET LOCAL statement_timeout = '{_STATEMENT_SECONDS}s'".encode())


def _database(tables: Sequence[CapturedTable]) -> str:
    return tables[0].target.database
