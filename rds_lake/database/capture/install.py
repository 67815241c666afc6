"""Installs a plan's triggers, removes them, and compares the installed ones with the plan; the DSN decides the engine.

What belongs here: choosing the module of the engine, `postgres_install.py` or `mysql_install.py`.
"""

from __future__ import annotations

from types import ModuleType

from rds_lake.database.dsn import Dsn
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.sql.triggers.plan import TriggerPlan


def install(dsn: Dsn, plan: TriggerPlan) -> None:
    """Run the plan's statements, in one transaction if the engine can. A second call changes nothing that is already correct.

    UnavailableError if a statement waits for a lock for more than a few seconds: other writers would have to wait behind it.
    TerminalError, with the database's own sentence, if the database refuses a statement.
    """
    _engine(dsn).install(dsn, plan)


def uninstall(dsn: Dsn, plan: TriggerPlan) -> None:
    """Run the plan's `drop`, in the same way."""
    _engine(dsn).uninstall(dsn, plan)


def differences(dsn: Dsn, plan: TriggerPlan) -> tuple[str, ...]:
    """Returns how the database differs from the plan: triggers missing or disabled, definitions or columns changed. Only reads."""
    return _engine(dsn).differences(dsn, plan)


def installed(dsn: Dsn, database: str) -> tuple[CapturedTable, ...]:
    """Returns the tables that the database itself records as captured; empty if nothing is installed. Only reads."""
    return _engine(dsn).installed(dsn, database)


def _engine(dsn: Dsn) -> ModuleType:
    if dsn.engine is Engine.POSTGRES:
        from rds_lake.database.capture import postgres_install

        return postgres_install
    from rds_lake.database.capture import mysql_install

    return mysql_install
