"""Describes the tables to capture, with every reason why one cannot be captured.

What belongs here: choosing the module of the engine, `postgres_describe.py` or `mysql_describe.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.database.dsn import Dsn
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import Capture, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.plan import Described


def describe(dsn: Dsn, targets: Sequence[TableTarget], *, capture: Capture, level: Level) -> tuple[Described, ...]:
    """Returns each table with its columns, its key, and the reasons why it cannot be captured. Only reads.

    ConfigError if the driver is not installed, UnavailableError if the database cannot be reached.
    """
    if dsn.engine is Engine.POSTGRES:
        from rds_lake.database.capture.postgres_describe import describe_postgres

        return describe_postgres(dsn, targets, capture=capture, level=level)
    from rds_lake.database.capture.mysql_describe import describe_mysql

    return describe_mysql(dsn, targets, capture=capture, level=level)
