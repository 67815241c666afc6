"""Chooses the generator of triggers for the engine: `postgres.py`, or `mysql/triggers.py` for MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted


def generate(engine: Engine, tables: Sequence[CapturedTable], wanted: Wanted) -> TriggerPlan:
    """Returns the statements for tables that can be captured; PostgreSQL's tables must be of one database."""
    if engine is Engine.POSTGRES:
        from rds_lake.sql.triggers.postgres import postgres_triggers

        return postgres_triggers(tables, wanted)
    from rds_lake.sql.triggers.mysql.triggers import mysql_triggers

    return mysql_triggers(tables, wanted)
