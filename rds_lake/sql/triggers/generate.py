"""Chooses the engine whose triggers are written: PostgreSQL's are `postgres.py`, MySQL's and MariaDB's `mysql/triggers.py`."""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted


def generate(engine: Engine, tables: Sequence[CapturedTable], wanted: Wanted) -> TriggerPlan:
    """The statements for tables that can be captured; of PostgreSQL all tables are of one database."""
    if engine is Engine.POSTGRES:
        from rds_lake.sql.triggers.postgres import postgres_triggers

        return postgres_triggers(tables, wanted)
    from rds_lake.sql.triggers.mysql.triggers import mysql_triggers

    return mysql_triggers(tables, wanted)
