"""Installs a plan's triggers, removes them, and says what has changed since; the engine is `dsn`'s.

What belongs here: the choice of the engine. PostgreSQL is `postgres_install.py`, MySQL `mysql_install.py`.
"""

from __future__ import annotations

from types import ModuleType

from rds_lake.database.dsn import Dsn
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.sql.triggers.plan import TriggerPlan


def install(dsn: Dsn, plan: TriggerPlan) -> None:
    """Run the plan's statements, in one transaction where the engine can; again it changes nothing that is right already.

    A statement that waits for a lock is given up after seconds, so that no writer queues behind it: UnavailableError.
    TerminalError with the database's own sentence where it refuses one.
    """
    _engine(dsn).install(dsn, plan)


def uninstall(dsn: Dsn, plan: TriggerPlan) -> None:
    """Run the plan's `drop`, in the same way."""
    _engine(dsn).uninstall(dsn, plan)


def differences(dsn: Dsn, plan: TriggerPlan) -> tuple[str, ...]:
    """What is not as the plan has it: triggers missing or disabled, other definitions, columns changed since. Reads only."""
    return _engine(dsn).differences(dsn, plan)


def installed(dsn: Dsn, database: str) -> tuple[CapturedTable, ...]:
    """The tables that the database itself says are captured; none where nothing is installed. Reads only."""
    return _engine(dsn).installed(dsn, database)


def _engine(dsn: Dsn) -> ModuleType:
    if dsn.engine is Engine.POSTGRES:
        from rds_lake.database.capture import postgres_install

        return postgres_install
    from rds_lake.database.capture import mysql_install

    return mysql_install
