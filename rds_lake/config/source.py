"""One entry of `sources:` in lake.yaml.

What belongs here: the keys of all kinds and those of databases, and what one source alone can have wrong. The keys of
DynamoDB are `config/dynamodb.py`; what sources have wrong together, or with the lake, is `config/rules.py`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from rds_lake.config.dynamodb import Engine as EngineWord
from rds_lake.config.dynamodb import KindKeys, is_table_name
from rds_lake.config.lake import Arn, Settings
from rds_lake.model.aws.engine import Engine, engine_of
from rds_lake.model.aws.snapshot import Which
from rds_lake.model.cron import cron_problem
from rds_lake.model.tables.table import TableTarget, dynamodb_table

_FRESHNESS_HOURS = 36  # a daily snapshot that came in an early and then in a late window is not stale
_MAX_DROP = 0.5


def _legal_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


def _legal_schedule(text: str) -> str:
    if problem := cron_problem(text):
        raise ValueError(f"{text!r} is no cron schedule: {problem}; for example `20 6 * * *` is every day at 06:20 UTC")
    return text


SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
TableName = Annotated[str, Field(min_length=1, max_length=63)]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(_legal_pattern)]
Cron = Annotated[str, AfterValidator(_legal_schedule)]


class Retention(Settings):
    """How many dates to keep: the newest days, and one per week and month before them."""

    daily: int = Field(default=14, ge=1)
    weekly: int = Field(default=8, ge=0)
    monthly: int = Field(default=12, ge=0)
    schedule: Cron = Field(default="20 6 * * *", description="When Dagster removes the others: cron, UTC.")


class Verify(Settings):
    """Row counts compared with the database's own."""

    secret: Arn = Field(description="Secrets Manager secret: a postgresql:// or mysql:// URL, or RDS's own JSON.")
    tolerance: float = Field(
        default=0.2, ge=0, le=1, description="How far counts may differ: the database goes on after the snapshot."
    )
    exact_below: int = Field(
        default=1_000_000, ge=0, description="Tables that the database estimates below this are counted, others not."
    )
    timeout_seconds: int = Field(default=30, ge=1, le=600, description="Of one statement, in the database itself.")


class SourceSettings(KindKeys):
    """One entry of `sources:`: a database instance or cluster, or a set of DynamoDB tables, whose state becomes tables."""

    name: SourceName = Field(description="Name in Dagster, in S3 and of the Glue database.")
    identifier: str = Field(
        default="",
        validate_default=True,
        pattern=r"^([A-Za-z][A-Za-z0-9-]{0,62})?$",
        description="DB instance or cluster identifier; matched exactly, never as a prefix.",
    )
    engine: EngineWord | None = Field(
        default=None,
        description="Database engine: lets `include` be checked at load; else AWS says it. dynamodb: what converts "
        "(local, the default; glue: AWS Glue; auto: glue for tables above `glue_above_gb`).",
    )
    snapshots: tuple[Literal["automated", "manual", "backup", "live"], ...] = Field(
        default=("automated",),
        min_length=1,
        description="Kinds of snapshots a date may come from. live (aurora only): the cluster itself, without one.",
    )
    which: Which = Field(default="newest", description="Which of a date's snapshots is exported: newest or first.")
    replace: bool = Field(
        default=False, description="A later snapshot of a date exported already is exported too and replaces it."
    )
    live_schedule: Cron = Field(
        default="0 3 * * *", description="When a live cluster is exported: cron, UTC. Only with `snapshots: [live]`."
    )
    priority: int = Field(
        default=0, description="Who goes first when AWS has no place for another export: the higher number."
    )
    freshness_hours: float | None = Field(
        default=None,
        ge=0,
        description="No snapshot for longer than this is an incident. Default: 36, for manual snapshots alone 0 (never).",
    )
    include: tuple[str, ...] = Field(
        default=(),
        description="ExportOnly: `db`, `db.schema` or `db.schema.table`; MySQL: `db` or `db.table`. Empty: everything.",
    )
    default_schema: str | None = Field(
        default=None,
        pattern=r"^[^.]+\.(.*[^.])?[^.]$",
        description="`db.schema` whose tables keep their bare name in Athena; others of its database get the schema as prefix, "
        "those of other databases the database as well.",
    )
    rename: dict[str, str] = Field(
        default_factory=dict, description="`db.schema.table` or `db.schema.table.column` -> name in Athena."
    )
    types: dict[str, str] = Field(
        default_factory=dict, description="`db.schema.table.column` -> type in the view, e.g. decimal(12,2)."
    )
    union: dict[TableName, Pattern] = Field(
        default_factory=dict,
        description="Name -> pattern of table names in one schema: what matches wholly becomes one table and view.",
    )
    parquet: Literal["relocated", "in_place"] = Field(
        default="relocated",
        description="relocated: AWS's files are copied into the lake's layout. in_place: they are read where AWS put them.",
    )
    publish: Literal["auto", "manual"] = Field(
        default="auto", description="manual: a date that passed its checks is held until a person publishes it."
    )
    max_drop: Fraction | dict[str, Fraction] = Field(
        default=_MAX_DROP,
        description="Part of a table's rows that may be gone since the date before; or by view, with `default`.",
    )
    verify: Verify | None = Field(
        default=None, description="Compare row counts with the database's own, read with the secret's user. None: off."
    )
    keep_export: bool = Field(default=False, description="Keep AWS's copy after the partition is published.")
    athena: bool = Field(default=True, description="False: stop after the relocated Parquet.")
    table_assets: bool = Field(default=True, description="False: one `views` asset instead of one per table.")
    check_casts: bool = Field(
        default=True,
        description="Count values the typed view cannot represent (an Athena scan of the new partition).",
    )
    retention: Retention | None = Field(
        default=None,
        description="Dates to keep: the newest days, one per week, one per month. None: all, and nothing is removed.",
    )
    export_timeout_hours: float = Field(
        default=24, gt=0, le=240, description="A waiting run gives up on an export after this long."
    )
    start_date: date | None = Field(default=None, description="First snapshot date, where later than the lake's.")

    @model_validator(mode="after")
    def _include_is_legal(self) -> SourceSettings:
        if self.kind == "dynamodb":
            return self
        engines = [engine_of(self.engine)] if self.engine else list(Engine)
        illegal = [item for item in self.include if not any(engine.is_export_only(item) for engine in engines)]
        if illegal:
            raise ValueError(
                f"include {illegal}: AWS takes {' (MySQL: '.join(e.grammar for e in engines)}{')' * (len(engines) - 1)} of "
                "letters, digits, $ and _ only; tables with other characters can be exported only in a full export "
                "(leave `include` empty)"
            )
        return self

    @model_validator(mode="after")
    def _live_is_aurora(self) -> SourceSettings:
        if "live" in self.snapshots and self.kind != "aurora":
            raise ValueError("snapshots: live exports a cluster without a snapshot; it needs `kind: aurora`")
        return self

    @model_validator(mode="after")
    def _in_place_keeps_the_export(self) -> SourceSettings:
        if self.parquet == "in_place" and "keep_export" in self.model_fields_set and not self.keep_export:
            raise ValueError(
                "keep_export: false would delete the only Parquet there is, since `parquet: in_place` copies nothing; remove "
                "it (`retention:` removes AWS's folders of the dates it does not keep), or set `parquet: relocated`"
            )
        return self

    @model_validator(mode="after")
    def _held_dates_are_not_replaced(self) -> SourceSettings:
        if self.publish == "manual" and self.replace:
            raise ValueError(
                "replace: true puts a later snapshot in the place of a published date without asking anybody, which "
                "`publish: manual` is to prevent; remove one of the two"
            )
        return self

    def max_drop_of(self, view: str, table: str) -> tuple[float, bool]:
        """The part of its rows that the table may lose, and whether somebody said so of this very table."""
        if not isinstance(self.max_drop, dict):
            return self.max_drop, False
        own = self.max_drop.get(view, self.max_drop.get(table))
        return (own, True) if own is not None else (self.max_drop.get("default", _MAX_DROP), False)

    @property
    def by_glue(self) -> bool:
        """Whether tables may be converted by AWS Glue."""
        return self.engine in ("glue", "auto")

    @property
    def included_tables(self) -> tuple[TableTarget, ...] | None:
        """The tables of `include`, or None where an item names no table outright.

        `a.b` is a schema in PostgreSQL and a table in MySQL: without `engine` only `a.b.c` says a table.
        """
        if self.kind == "dynamodb":
            named = tuple(dynamodb_table(name) for name in self.tables if is_table_name(name))
            return named if len(named) == len(self.tables) else None
        engine = engine_of(self.engine) if self.engine else Engine.POSTGRES
        tables = engine.included_tables(self.include)
        return tables if tables and len(tables) == len(self.include) else None

    @property
    def freshness(self) -> timedelta | None:
        """How old the newest snapshot may become; None: as old as it likes."""
        hours = self.freshness_hours
        if hours is None:
            hours = 0 if self.snapshots == ("manual",) else _FRESHNESS_HOURS
        return timedelta(hours=hours) if hours else None
