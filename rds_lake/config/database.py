"""Entries of `sources:` that are databases: `kind: rds` and `kind: aurora`.

What belongs here: their keys, and the rules about several keys of one source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from rds_lake.config.lake import Secret, Settings
from rds_lake.config.shared import Cron, Naming, Pattern, Rule, SharedKeys
from rds_lake.config.streams import Streams
from rds_lake.config.streams_rules import streams_problems
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.engine import Engine, engine_of
from rds_lake.model.aws.snapshot import Which
from rds_lake.model.streams.captured import CAPTURE, OUTBOX, OWN_SCHEMA, POSITION, own_tables
from rds_lake.model.tables.table import TableTarget

TableName = Annotated[str, Field(min_length=1, max_length=63)]


class Verify(Settings):
    """Row counts compared with the database's own; its comments and names of enums become the descriptions of columns."""

    secret: Secret = Field(description="Secrets Manager secret: a postgresql:// or mysql:// URL, or RDS's own JSON.")
    tolerance: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="How far counts may differ: the database changes after its snapshot was taken.",
    )
    exact_below: int = Field(
        default=1_000_000,
        ge=0,
        description="Only tables with fewer estimated rows than this are counted; for others the estimate is compared.",
    )
    timeout_seconds: int = Field(default=30, ge=1, le=600, description="Timeout of one statement in the database.")


def _include_is_legal(source: DatabaseKeys) -> Iterator[str]:
    engines = [engine_of(source.engine)] if source.engine else list(Engine)
    illegal = [item for item in source.include if not any(engine.is_export_only(item) for engine in engines)]
    if illegal:
        yield (
            f"include {illegal}: AWS takes {' (MySQL: '.join(e.grammar for e in engines)}{')' * (len(engines) - 1)} of "
            "letters, digits, $ and _ only; tables with other characters can be exported only in a full export "
            "(leave `include` empty)"
        )


def _in_place_keeps_the_export(source: DatabaseKeys) -> Iterator[str]:
    if source.parquet == "in_place" and "keep_export" in source.model_fields_set and not source.keep_export:
        yield (
            "keep_export: false would delete the only Parquet files, since `parquet: in_place` copies nothing; remove it "
            "(`retention:` removes AWS's folders of the dates that it does not keep), or set `parquet: relocated`"
        )


def _held_dates_are_not_replaced(source: DatabaseKeys) -> Iterator[str]:
    if source.publish == "manual" and source.replace:
        yield (
            "replace: true replaces a published date by a later snapshot without approval, which contradicts `publish: "
            "manual`; remove one of the two"
        )


def _streams_are_legal(source: DatabaseKeys) -> Iterator[str]:
    if source.streams is not None:
        yield from streams_problems(source.streams, engine=source.engine, include=source.include)


def _no_union_of_the_outbox(source: DatabaseKeys) -> Iterator[str]:
    if source.streams is None:
        return
    for name, pattern in source.union.items():
        gathered = [own for own in (OUTBOX, POSITION, CAPTURE) if re.fullmatch(pattern, own)]
        if gathered:
            yield (
                f"union: {name} would gather rds_lake.{gathered[0]}, the table by which `streams:` joins changes with snapshots; "
                "let its pattern match less"
            )


def _outbox_has_its_own_database(source: DatabaseKeys) -> Iterator[str]:
    if any(target.database == OWN_SCHEMA for target in source.captured_tables):
        yield f"streams.tables: the name {OWN_SCHEMA} is kept for capture's own tables; a database of that name cannot be captured"


def _live_is_aurora(source: Rds) -> Iterator[str]:
    if "live" in source.snapshots:
        yield "snapshots: live exports an Aurora cluster without a snapshot, so it needs `kind: aurora`"


class DatabaseKeys(SharedKeys):
    """The keys that both kinds of databases have. A snapshot date is the UTC date of the data in a snapshot."""

    asset_kind = "postgres"
    export_asset = (
        "AWS exports the day's snapshot to S3 as Parquet; the export is started or adopted, and checked to be complete."
    )
    parquet_asset = "The export copied into the lake's layout, verified object by object; ends with the manifest."
    rules: ClassVar[tuple[Rule, ...]] = (
        *SharedKeys.rules,
        _include_is_legal,
        _in_place_keeps_the_export,
        _held_dates_are_not_replaced,
        _streams_are_legal,
        _no_union_of_the_outbox,
        _outbox_has_its_own_database,
    )

    identifier: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$",
        description="DB instance or cluster identifier; matched exactly, never as a prefix.",
        examples=["shop-prod"],
    )
    engine: Literal["postgres", "mysql", "mariadb"] | None = Field(
        default=None,
        description="Database engine: `include` is then checked when lake.yaml is loaded. Without it, AWS is asked.",
    )
    snapshots: tuple[Literal["automated", "manual", "backup", "live"], ...] = Field(
        default=("automated",),
        min_length=1,
        description="Kinds of snapshots a date may come from. live (aurora only): the cluster itself, without one.",
    )
    which: Which = Field(default="newest", description="Which of a date's snapshots is exported: newest or first.")
    replace: bool = Field(
        default=False, description="Whether a later snapshot of an exported date is exported too and replaces the date."
    )
    live_schedule: Cron = Field(
        default="0 3 * * *", description="When a live cluster is exported: cron, UTC. Only with `snapshots: [live]`."
    )
    priority: int = Field(
        default=0, description="Order of exports while AWS allows no more at once: sources with a higher number first."
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
    union: dict[TableName, Pattern] = Field(
        default_factory=dict,
        description="Name -> pattern of table names in one schema: what matches wholly becomes one table and view.",
    )
    parquet: Literal["relocated", "in_place"] = Field(
        default="relocated",
        description="relocated: AWS's files are copied into the lake's layout. in_place: they are read where AWS put them.",
    )
    check_casts: bool = Field(
        default=True,
        description="Count values the typed view cannot represent (an Athena scan of the new partition).",
    )
    verify: Verify | None = Field(
        default=None, description="Compare row counts with the database's own, read with the secret's user. None: off."
    )
    streams: Streams | None = Field(
        default=None,
        description="Capture changes by triggers in the database itself, the only part of rds-lake that touches it. None: off.",
    )

    @property
    def included_tables(self) -> tuple[TableTarget, ...] | None:
        """The tables of `include` and of the outbox; None if `include` is empty or an item names a whole database or schema.

        `a.b` is a schema in PostgreSQL and a table in MySQL: without `engine`, only `a.b.c` names a table.
        """
        engine = engine_of(self.engine) if self.engine else Engine.POSTGRES
        tables = engine.included_tables(self.include)
        return (*tables, *self.outbox_tables) if tables and len(tables) == len(self.include) else None

    @property
    def captured_tables(self) -> tuple[TableTarget, ...]:
        """The tables of `streams:`."""
        return self.streams.targets(engine_of(self.engine) if self.engine else None) if self.streams else ()

    @property
    def captured_engine(self) -> Engine | None:
        """The engine of the captured tables: `engine`, or derived from the form of their names; None without `streams:`."""
        return self.streams.family(engine_of(self.engine) if self.engine else None) if self.streams else None

    @property
    def outbox_tables(self) -> tuple[TableTarget, ...]:
        """The tables that capture itself uses and that every export must contain; empty with `capture: lambda`."""
        if self.streams is None or self.streams.capture != "outbox":
            return ()
        if self.captured_engine is Engine.MYSQL:
            return own_tables(OWN_SCHEMA)
        homes = sorted({target.database for target in self.captured_tables})
        return tuple(own for home in homes for own in own_tables(home))

    @property
    def outbox_items(self) -> tuple[str, ...]:
        """The items to add to `include` in ExportOnly, so that `outbox_tables` are exported; empty without `include`."""
        items = {own: _engine_of(own).items_of(own) for own in self.outbox_tables} if self.include else {}
        return tuple(names[-1] for names in items.values() if not {*names} & {*self.include})

    @property
    def _default_freshness_hours(self) -> float:
        return 0 if self.snapshots == ("manual",) else super()._default_freshness_hours

    @property
    def naming(self) -> Naming:
        """From `default_schema`, `union`, and the database of `include` if all its items are in one."""
        databases = {item.partition(".")[0] for item in self.include}
        home = databases.pop() if len(databases) == 1 else None
        return Naming(default_schema=self.default_schema, home=home, unions=self.union)

    @property
    def run_priority(self) -> int:
        """The priority of the source's runs in Dagster, the same as that of its exports."""
        return self.priority

    @property
    def counts_casts(self) -> bool:
        """Whether the checks count values that the view's type cannot represent (`check_casts`)."""
        return self.check_casts

    @property
    def in_place(self) -> bool:
        """Whether AWS's files are read where they are (`parquet: in_place`)."""
        return self.parquet == "in_place"


class Rds(DatabaseKeys):
    """`kind: rds`: a DB instance."""

    described = "a DB instance"
    rules: ClassVar[tuple[Rule, ...]] = (*DatabaseKeys.rules, _live_is_aurora)
    snapshot_about: ClassVar = Exportable.SNAPSHOT

    kind: Literal["rds"] = Field(description="rds: a DB instance (PostgreSQL, MySQL, MariaDB).")


class Aurora(DatabaseKeys):
    """`kind: aurora`: a cluster, which can be exported without a snapshot, too."""

    described = "an Aurora cluster"
    snapshot_about: ClassVar = Exportable.CLUSTER_SNAPSHOT

    kind: Literal["aurora"] = Field(description="aurora: an Aurora cluster (PostgreSQL, MySQL).")


def _engine_of(target: TableTarget) -> Engine:
    return Engine.MYSQL if target.database == target.schema else Engine.POSTGRES


Database: TypeAlias = Rds | Aurora
