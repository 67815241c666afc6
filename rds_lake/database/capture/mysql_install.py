"""Installs triggers of MySQL and MariaDB table by table, and removes them.

A table that already has its plan's triggers is not changed. If a table is busy, or the server refuses a statement, the other tables
still get their triggers; the error at the end names all that failed, and repeating the command does the rest.

What belongs here: changing the database. `mysql_installed.py` reads its state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rds_lake.database.capture.mysql_installed import Installed, foreign_tables, leftovers, problems_of, read_installed
from rds_lake.database.capture.mysql_session import Refused, attempt, mysql_session
from rds_lake.database.dsn import Dsn
from rds_lake.errors import ConfigError, TerminalError, UnavailableError
from rds_lake.model.streams.captured import CAPTURE, OWN_SCHEMA, CapturedTable, parse_captured
from rds_lake.sql.quoting import backticked
from rds_lake.sql.triggers.mysql.outbox import own_name
from rds_lake.sql.triggers.mysql.triggers import by_table
from rds_lake.sql.triggers.plan import TriggerPlan

_ONE_AT_A_TIME = "rds_lake.install"
# The database or the table does not exist, so there is nothing to remove.
_GONE = {1049, 1146}


def install(dsn: Dsn, plan: TriggerPlan) -> None:
    """Install the triggers of every table that does not have the plan's triggers.

    UnavailableError if some tables were busy, TerminalError if the server refused a statement; both name the tables.
    ConfigError if tables with the names of capture's own tables exist that rds-lake did not create.
    """
    start, blocks = by_table(plan)
    refused: dict[str, Refused] = {}
    with _alone(dsn) as cursor:
        for statement in start:
            if refusal := attempt(cursor, statement):
                raise TerminalError(_refusals({f"{OWN_SCHEMA}: {_first_words(statement)}": refusal}))
        if foreign := foreign_tables(cursor):
            raise ConfigError(
                f"{', '.join(foreign)}: rds-lake did not create these tables, but its triggers would write to them. "
                "Rename them; no trigger was changed"
            )
        there = read_installed(cursor, plan.tables)
        for table, block in zip(plan.tables, blocks, strict=True):
            if any(problems_of(table, there)) and (refusal := _all(cursor, block)):
                refused[str(table.target)] = refusal
    _raise(refused)


def uninstall(dsn: Dsn, plan: TriggerPlan) -> None:
    """Drop the plan's triggers, and capture's own database once it is unused: no triggers and no changes in it."""
    refused: dict[str, Refused] = {}
    with _alone(dsn) as cursor:
        for statement in plan.drop:
            refusal = attempt(cursor, statement)
            if refusal is not None and refusal.code not in _GONE:
                refused[_first_words(statement)] = refusal
        if not refused and not leftovers(cursor):
            attempt(cursor, f"DROP DATABASE IF EXISTS {backticked(OWN_SCHEMA)}")
    _raise(refused)


def differences(dsn: Dsn, plan: TriggerPlan) -> tuple[str, ...]:
    """Returns how the database differs from the plan, one sentence for each difference. Only reads."""
    with mysql_session(dsn) as cursor:
        there: Installed = read_installed(cursor, plan.tables)
    return tuple(f"{table.target}: {problem}" for table in plan.tables for problem in problems_of(table, there))


def installed(dsn: Dsn, database: str) -> tuple[CapturedTable, ...]:
    """Returns the captured tables of the whole server, in any database."""
    del database  # unused: only in PostgreSQL does each database have its own capture
    with mysql_session(dsn) as cursor:
        there = read_installed(cursor, ())
    return tuple(parse_captured(text, where=own_name(CAPTURE)) for text in there.definitions.values())


def _all(cursor: Any, block: tuple[str, ...]) -> Refused | None:
    """Execute a table's statements until the server refuses one; the table is always unlocked."""
    for statement in block:
        if refusal := attempt(cursor, statement):
            attempt(cursor, "UNLOCK TABLES")
            return refusal
    return None


@contextmanager
def _alone(dsn: Dsn) -> Iterator[Any]:
    """Opens a session that holds a lock, so that only one installation runs at a time. The lock ends with the session."""
    with mysql_session(dsn) as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (_ONE_AT_A_TIME,))
        if cursor.fetchall() != ((1,),):
            raise UnavailableError(
                "another run is installing triggers in this database: wait until it ends, then repeat"
            )
        yield cursor


def _raise(refused: dict[str, Refused]) -> None:
    if not refused:
        return
    if all(refusal.is_busy for refusal in refused.values()):
        raise UnavailableError(
            f"the triggers of busy tables were not changed: {', '.join(refused)}. Open transactions used these tables "
            "for longer than rds-lake lets writers wait; repeat when there are fewer long transactions"
        )
    raise TerminalError(_refusals(refused))


def _refusals(refused: dict[str, Refused]) -> str:
    lines = [f"\n  - {name}: {refusal.sentence} ({refusal.code})" for name, refusal in refused.items()]
    return f"the server refused to change triggers; correct the causes, then repeat the command:{''.join(lines)}"


def _first_words(statement: str) -> str:
    """Returns the beginning of a statement: enough to recognize it, without data of a row or a definition."""
    return " ".join(statement.split()[:6])
