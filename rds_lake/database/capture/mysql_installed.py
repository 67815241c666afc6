"""Reads what capture has installed in a MySQL or MariaDB server, and compares it with a plan. Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.database.capture.mysql_session import attempt
from rds_lake.model.streams.captured import CAPTURE, OUTBOX, OWN_SCHEMA, CapturedTable, render_captured
from rds_lake.sql.triggers.mysql.body import EVENTS, LABEL, trigger_name
from rds_lake.sql.triggers.mysql.outbox import OWN_COLUMNS, own_name

_PREFIX = "rds_lake_"

# Only the beginning of each statement, which has the label with the digest: 2,400 complete statements would be 11 MB.
_TRIGGERS = """
SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, EVENT_MANIPULATION, ACTION_TIMING, LEFT(ACTION_STATEMENT, 100), DEFINER
FROM information_schema.TRIGGERS
"""
_COLUMNS = """
SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA IN %s ORDER BY ORDINAL_POSITION
"""
_OWN = """
SELECT c.TABLE_NAME, t.ENGINE, c.COLUMN_NAME FROM information_schema.COLUMNS c
JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
WHERE c.TABLE_SCHEMA = %s
"""
# Users in the form of DEFINER; a role has no host. Only users with access to the database `mysql` can read this.
_USERS = "SELECT IF(Host = '', User, CONCAT(User, '@', Host)) FROM mysql.user"
_DEFINITIONS = f"SELECT `table_schema`, `table_name`, `definition` FROM {own_name(CAPTURE)}"

Place = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """By database and table: capture's triggers by name, columns with types, and the definition.

    A trigger is (event, timing, beginning of its statement, definer). `users`: the server's users, None if they cannot be read.
    """

    triggers: Mapping[Place, Mapping[str, tuple[str, str, str, str]]]
    columns: Mapping[Place, Sequence[tuple[str, str]]]
    definitions: Mapping[Place, str]
    users: frozenset[str] | None


def read_installed(cursor: Any, tables: Sequence[CapturedTable]) -> Installed:
    """Returns the installed triggers and tables, at least those of the given tables."""
    triggers: dict[Place, dict[str, tuple[str, str, str, str]]] = defaultdict(dict)
    for database, table, name, *said in _rows(cursor, _TRIGGERS):
        if name.startswith(_PREFIX):
            triggers[database, table][name] = tuple(said)
    columns: dict[Place, list[tuple[str, str]]] = defaultdict(list)
    databases = tuple({table.target.database for table in tables})
    for database, table, name, kind in _rows(cursor, _COLUMNS, databases) if databases else ():
        columns[database, table].append((name, kind))
    # Before the first installation this table does not exist.
    there = attempt(cursor, _DEFINITIONS) is None
    definitions = {(database, table): text for database, table, text in (cursor.fetchall() if there else ())}
    users = frozenset(user for (user,) in cursor.fetchall()) if attempt(cursor, _USERS) is None else None
    return Installed(triggers=dict(triggers), columns=dict(columns), definitions=definitions, users=users)


def problems_of(table: CapturedTable, there: Installed) -> Iterator[str]:
    """Returns how a table's triggers differ from the plan, one sentence for each difference."""
    place = (table.target.database, table.target.table)
    present = dict(there.triggers.get(place, {}))
    for op, event in EVENTS.items():
        trigger = present.pop(trigger_name(table.target, op), None)
        if trigger is None:
            yield f"its trigger for {event} is missing: writes since then were not captured"
        elif trigger[:2] != (event, "AFTER") or not trigger[2].lstrip().startswith(f"{LABEL}{table.digest}:"):
            yield f"its trigger for {event} differs from the one that rds-lake would install"
        elif there.users is not None and trigger[3] not in there.users:
            yield (
                f"its trigger for {event} belongs to {trigger[3]}, a user that no longer exists: every write to the "
                "table fails (error 1449). Install again as a permanent user"
            )
    if present:
        yield f"it has triggers of an earlier installation that are no longer needed: {', '.join(sorted(present))}"
    if there.definitions.get(place) != render_captured(table):
        yield f"its definition in {own_name(CAPTURE)} is missing or differs"
    if there.columns.get(place, ()) != [(column.name, column.type) for column in table.columns]:
        yield "its columns differ from those that the triggers use"


def foreign_tables(cursor: Any) -> tuple[str, ...]:
    """Returns the tables in capture's database that rds-lake did not create: triggers could not write to them."""
    columns: dict[str, set[str]] = defaultdict(set)
    engines: dict[str, str] = {}
    for table, engine, column in _rows(cursor, _OWN, OWN_SCHEMA):
        columns[table].add(column)
        engines[table] = engine
    return tuple(
        own_name(table)
        for table, names in columns.items()
        if table in OWN_COLUMNS and (names != OWN_COLUMNS[table] or engines[table] != "InnoDB")
    )


def leftovers(cursor: Any) -> bool:
    """Whether capture's database is still needed: it has a trigger, a definition, or a change that was not forwarded."""
    if any(name.startswith(_PREFIX) for _, _, name, *_ in _rows(cursor, _TRIGGERS)):
        return True
    return any(
        attempt(cursor, f"SELECT 1 FROM {own_name(table)} LIMIT 1") is None and cursor.fetchall()
        for table in (CAPTURE, OUTBOX)
    )


def _rows(cursor: Any, query: str, *arguments: Any) -> Sequence[tuple[Any, ...]]:
    cursor.execute(query, arguments or None)
    return cursor.fetchall()
