"""Describes the tables of MySQL and MariaDB to capture: columns, key, and every reason against capture.

All tables are read together from information_schema. It compares names without case, so this module compares them byte by byte.

What belongs here: the queries, and the reasons against capture. `sql/triggers/mysql/values.py` converts types to text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rds_lake.database.capture.mysql_session import mysql_session
from rds_lake.database.dsn import Dsn
from rds_lake.model.streams.captured import OWN_SCHEMA, Capture, CapturedColumn, CapturedTable, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.mysql.values import is_known
from rds_lake.sql.triggers.plan import Described

_SYSTEM = {"mysql", "information_schema", "performance_schema", "sys"}
# AWS skips tables whose names contain these characters: "ExportSnapshot" of the user guide, "Limitations".
_UNEXPORTED = re.compile(r"[,;{}()\n\t= ]")
_LEAST_PACKET = 4 << 20  # bytes of two images and their overhead

_COLUMNS = """
SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA IN %s ORDER BY ORDINAL_POSITION
"""
_TABLES = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA IN %s"
_KEYS = """
SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA IN %s AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX
"""
# Triggers do not fire when these change the rows of a child table.
_CASCADES = """
SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, UPDATE_RULE, DELETE_RULE
FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA IN %s AND (UPDATE_RULE NOT IN %s OR DELETE_RULE NOT IN %s)
"""
_HARMLESS = ("RESTRICT", "NO ACTION")
_SETTINGS = ("version", "log_bin", "log_bin_trust_function_creators", "binlog_format", "max_allowed_packet")
_SETTINGS += ("innodb_autoinc_lock_mode",)

Rows = Mapping[tuple[str, str], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """What information_schema reports about the databases, by database and table."""

    columns: Rows
    tables: Rows
    keys: Rows
    cascades: Rows
    settings: Mapping[str, str]


def describe_mysql(
    dsn: Dsn, targets: Sequence[TableTarget], *, capture: Capture, level: Level
) -> tuple[Described, ...]:
    """Returns every table in the order of `targets`; notes about the whole server are among the first table's notes.

    ConfigError if the driver is not installed, UnavailableError if the database cannot be reached.
    """
    databases = tuple({target.database for target in targets})
    if not databases:
        return ()
    with mysql_session(dsn) as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        server = _read(cursor, databases)
    described = [_described(server, target, capture=capture, level=level) for target in targets]
    described[0] = replace(described[0], notes=(*_server_notes(server.settings), *described[0].notes))
    return tuple(described)


def _described(server: _Server, target: TableTarget, *, capture: Capture, level: Level) -> Described:
    place = (target.database, target.table)
    columns = tuple(
        CapturedColumn(name=name, type=kind, nullable=nullable == "YES")
        for name, kind, nullable in server.columns.get(place, ())
    )
    key = tuple(name for name, _ in server.keys.get(place, ()))
    table = CapturedTable(target=target, columns=columns, key=key, capture=capture, level=level)
    reasons = [*_of_server(server.settings, capture, level), *_of_table(server, target)]
    if columns:
        reasons += _of_columns(server, table)
    return Described(table=table, reasons=tuple(reasons))


def _of_server(settings: Mapping[str, str], capture: Capture, level: Level) -> Iterator[str]:
    if level is Level.STATEMENT:
        yield "MySQL and MariaDB have triggers for rows only: use `level: row_level`"
    version = settings.get("version", "")
    if capture is Capture.OUTBOX and version.startswith("5.") and "mariadb" not in version.lower():
        # https://dev.mysql.com/doc/refman/8.0/en/innodb-auto-increment-handling.html#innodb-auto-increment-initialization
        yield (
            f"MySQL {version} assigns the ids of an emptied outbox again after a restart; upgrade to MySQL 8.0 or "
            "Aurora MySQL 3, or use MariaDB"
        )


def _of_table(server: _Server, target: TableTarget) -> Iterator[str]:
    if target.database.lower() in _SYSTEM:
        yield f"{target.database} is a system database of the server; remove it from `streams.tables`"
    if target.database.lower() == OWN_SCHEMA:
        yield f"{OWN_SCHEMA} has the tables of capture itself; remove it from `streams.tables`"
    ((kind, engine),) = server.tables.get((target.database, target.table), ((None, None),))
    if kind is None:
        alike = sorted(
            f"{database}.{table}"
            for database, table in server.tables
            if (database.lower(), table.lower()) == (target.database.lower(), target.table.lower())
        )
        hint = f"; there is {', '.join(alike)}" if alike else ""
        yield f"there is no such table, or the user may not see it{hint}"
    elif kind != "BASE TABLE":
        words = {
            "VIEW": "a view",
            "SYSTEM VERSIONED": "a table with system versioning, and the server sets its period columns after the triggers",
        }
        yield f"it is {words.get(kind, kind.lower())}: triggers see every change only in ordinary tables"
    elif engine != "InnoDB":
        yield f"its engine is {engine}, which does not support rollback: ALTER TABLE … ENGINE=InnoDB"
    if "/" in target.table:
        yield "AWS does not export a table with a slash in its name; rename it"


def _of_columns(server: _Server, table: CapturedTable) -> Iterator[str]:
    place = (table.target.database, table.target.table)
    if not table.key:
        yield "it has no primary key, so its rows cannot be identified; add one"
    for name, prefix in server.keys.get(place, ()):
        if prefix is not None:
            yield f"its primary key contains only the first {prefix} characters or bytes of {name!r}"
    for constraint, parent, update, delete in server.cascades.get(place, ()):
        rules = [
            f"ON {event} {rule}" for event, rule in (("UPDATE", update), ("DELETE", delete)) if rule not in _HARMLESS
        ]
        yield (
            f"its foreign key {constraint!r} to {parent!r} is {' '.join(rules)}: rows that a foreign key changes fire "
            "no trigger; use RESTRICT, and let the application change these rows"
        )
    for column in table.columns:
        if not is_known(column):
            yield f"column {column.name!r} is {column.type}, and AWS does not document how it exports this type"
        if _UNEXPORTED.search(column.name):
            yield f"column {column.name!r}: AWS does not export a table with a column of this name; rename it"


def _server_notes(settings: Mapping[str, str]) -> Iterator[str]:
    if settings.get("log_bin") == "ON" and settings.get("log_bin_trust_function_creators") == "OFF":
        yield (
            "the server writes a binary log: set log_bin_trust_function_creators = 1 in its parameter group before installing, or "
            "CREATE TRIGGER ends with error 1419"
        )
    if settings.get("log_bin") == "ON" and settings.get("binlog_format") == "STATEMENT":
        yield "binlog_format is STATEMENT: the server would report every write to a captured table as unsafe; set it to ROW or MIXED"
    if int(settings.get("max_allowed_packet", _LEAST_PACKET)) < _LEAST_PACKET:
        yield (
            f"max_allowed_packet is {int(settings['max_allowed_packet']):,} bytes: the values of long rows would not "
            f"be captured; set it to {_LEAST_PACKET:,} or more"
        )
    if settings.get("innodb_autoinc_lock_mode") == "0":
        yield "innodb_autoinc_lock_mode is 0: writers of captured tables would wait for each other's statements; set it to 1 or 2"


def _read(cursor: Any, databases: tuple[str, ...]) -> _Server:
    cursor.execute("SHOW GLOBAL VARIABLES WHERE Variable_name IN %s", (_SETTINGS,))
    settings = {str(name).lower(): str(value) for name, value in cursor.fetchall()}
    return _Server(
        columns=_by_table(cursor, _COLUMNS, databases),
        tables=_by_table(cursor, _TABLES, databases),
        keys=_by_table(cursor, _KEYS, databases),
        cascades=_by_table(cursor, _CASCADES, databases, _HARMLESS, _HARMLESS),
        settings=settings,
    )


def _by_table(cursor: Any, query: str, *arguments: tuple[str, ...]) -> Rows:
    cursor.execute(query, arguments)
    rows: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for database, table, *rest in cursor.fetchall():
        rows[database, table].append(tuple(rest))
    return dict(rows)
