"""Triggers of MySQL and MariaDB: installed table by table, and removed.

A table that has its plan's triggers already is left alone. One that is busy, or that the server refuses, does not keep the others
from theirs; the error at the end names all of them, and the same command again does what is left.

What belongs here: changing the database. Reading what it has is `mysql_installed.py`.
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
# There is no such database, or no such table: nothing to remove.
_GONE = {1049, 1146}


def install(dsn: Dsn, plan: TriggerPlan) -> None:
    """Install every table's triggers that are not there as the plan has them.

    UnavailableError when some tables were busy, TerminalError when the server refused something; both name the tables.
    ConfigError if rds-lake did not make the tables that have the names of capture's.
    """
    start, blocks = by_table(plan)
    refused: dict[str, Refused] = {}
    with _alone(dsn) as cursor:
        for statement in start:
            if refusal := attempt(cursor, statement):
                raise TerminalError(_told({f"{OWN_SCHEMA}: {_first_words(statement)}": refusal}))
        if foreign := foreign_tables(cursor):
            raise ConfigError(
                f"{', '.join(foreign)}: tables of these names exist and are not rds-lake's, and triggers would write into them. "
                "Rename them; no trigger was changed"
            )
        there = read_installed(cursor, plan.tables)
        for table, block in zip(plan.tables, blocks, strict=True):
            if any(problems_of(table, there)) and (refusal := _all(cursor, block)):
                refused[str(table.target)] = refusal
    _raise(refused)


def uninstall(dsn: Dsn, plan: TriggerPlan) -> None:
    """Drop the plan's triggers, and the database of capture when it is not needed any more: no triggers, no changes in it."""
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
    """How the database differs from the plan, a sentence each. Only reads."""
    with mysql_session(dsn) as cursor:
        there: Installed = read_installed(cursor, plan.tables)
    return tuple(f"{table.target}: {problem}" for table in plan.tables for problem in problems_of(table, there))


def installed(dsn: Dsn, database: str) -> tuple[CapturedTable, ...]:
    """The tables of the whole server that capture has a definition of, whatever the database."""
    del database  # of PostgreSQL each has a capture of its own
    with mysql_session(dsn) as cursor:
        there = read_installed(cursor, ())
    return tuple(parse_captured(text, where=own_name(CAPTURE)) for text in there.definitions.values())


def _all(cursor: Any, block: tuple[str, ...]) -> Refused | None:
    """Execute a table's statements up to the first that is refused, and unlock the table in any case."""
    for statement in block:
        if refusal := attempt(cursor, statement):
            attempt(cursor, "UNLOCK TABLES")
            return refusal
    return None


@contextmanager
def _alone(dsn: Dsn) -> Iterator[Any]:
    """A session that no other installation runs beside. Its lock ends with it."""
    with mysql_session(dsn) as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (_ONE_AT_A_TIME,))
        if cursor.fetchall() != ((1,),):
            raise UnavailableError(
                "triggers are being installed in this database by another run: wait until it ends, then try again"
            )
        yield cursor


def _raise(refused: dict[str, Refused]) -> None:
    if not refused:
        return
    if all(refusal.is_busy for refusal in refused.values()):
        raise UnavailableError(
            f"busy, so that their triggers stayed as they were: {', '.join(refused)}. Transactions that use them lasted longer "
            "than the few seconds that writers should queue; run it again when there are fewer"
        )
    raise TerminalError(_told(refused))


def _told(refused: dict[str, Refused]) -> str:
    lines = [f"\n  - {name}: {refusal.sentence} ({refusal.code})" for name, refusal in refused.items()]
    return f"the server refused to change triggers; correct it and run the same again:{''.join(lines)}"


def _first_words(statement: str) -> str:
    """Enough of a statement to know it by, and nothing of a row or a definition."""
    return " ".join(statement.split()[:6])
