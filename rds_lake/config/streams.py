"""`streams:` of a database: the tables whose changes are captured, and how the changes get to S3.

Only this part of rds-lake changes the source database: it installs triggers, which run in every writer's transaction.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rds_lake.config.lake import Function, Secret, Settings
from rds_lake.model.aws.engine import Engine
from rds_lake.model.tables.table import TableTarget

CapturedName = Annotated[str, Field(min_length=3, max_length=200)]


class Streams(Settings):
    """Changes of tables between two snapshots, captured by triggers in the database itself."""

    tables: tuple[CapturedName, ...] = Field(
        min_length=1,
        description="Tables to capture: `db.schema.table`; MySQL: `db.table`. Each needs a primary key.",
    )
    capture: Literal["outbox", "lambda"] = Field(
        default="outbox",
        description="outbox: triggers write changes to a table in the database, and `rds-lake streams forward` takes them "
        "from there; exact. lambda: triggers call a function for each row; for notifications only, since changes may be lost "
        "or repeated.",
    )
    level: Literal["row_level", "statement_level"] = Field(
        default="row_level",
        description="When triggers fire (PostgreSQL). For bulk writes, statement_level costs a third of row_level.",
    )
    on_error: Literal["fail", "drop"] = Field(
        default="fail",
        description="Only with `capture: lambda`. fail: if the function cannot be called, the writer's transaction fails. "
        "drop: the change is lost, and counted.",
    )
    function: Function | None = Field(
        default=None, description="Only with `capture: lambda`: the function that is called."
    )
    secret: Secret | None = Field(
        default=None,
        description="Secrets Manager secret of the user who reads the outbox: a URL, or RDS's own JSON. "
        "Needed by `rds-lake streams forward`, and by Dagster with `capture: outbox`.",
    )
    forward_minutes: float = Field(
        default=5,
        gt=0,
        le=1440,
        description="How often Dagster forwards or collects changes, in minutes; `capture: outbox` needs `secret` for that.",
    )
    alarm_minutes: float = Field(
        default=60,
        gt=0,
        le=1_000_000,
        description="Only with `capture: outbox`: how old the oldest change in the outbox may become before an alarm is raised. An "
        "outbox that is never emptied fills the database's disk.",
    )

    keep_days: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Minimum days to keep changes. Changes that a kept date needs are always kept; `retention:` removes the "
        "others. Without `retention:` all are kept.",
    )

    def family(self, engine: Engine | None) -> Engine:
        """Returns the engine; if it is None, MySQL if all tables are written `db.table`, otherwise PostgreSQL."""
        by_name = Engine.MYSQL if all(name.count(".") == 1 for name in self.tables) else Engine.POSTGRES
        return engine or by_name

    def targets(self, engine: Engine | None) -> tuple[TableTarget, ...]:
        """Returns the captured tables. In PostgreSQL, too, a schema may have the name of its database."""
        return tuple(_target(name, self.family(engine)) for name in self.tables)


def _target(name: str, engine: Engine) -> TableTarget:
    if engine is Engine.MYSQL:
        database, _, table = name.partition(".")
        return TableTarget(database=database, schema=database, table=table)
    database, _, rest = name.partition(".")
    schema, _, table = rest.partition(".")
    return TableTarget(database=database, schema=schema, table=table)
