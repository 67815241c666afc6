"""The keys that every kind of source has, and the properties that code may use without knowing the kind.

What belongs here: what all kinds have in common. Keys of one kind are in `config/database.py` and `config/dynamodb.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from rds_lake.config.lake import Cron, Settings
from rds_lake.model.lake.date_diff import RowLimit
from rds_lake.model.tables.table import TableTarget

_FRESHNESS_HOURS = 36  # more than a day: the time of a daily snapshot varies within the backup window
_MAX_DROP = 0.5

_EMAIL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")

# A rule about several keys of one source: yields one sentence per problem.
Rule: TypeAlias = Callable[[Any], Iterator[str]]


def _legal_owner(text: str) -> str:
    """Validates an owner by Dagster's rule (https://docs.dagster.io/guides/build/assets/metadata-and-tags#owners)."""
    if not (_EMAIL.fullmatch(text) or (text.startswith("team:") and text != "team:")):
        raise ValueError(f"{text!r} is not an owner: write an e-mail address, or `team:` and the name of a team")
    return text


def _legal_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    return text


def _legal_limit(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        value = repr(value)
    text = str(value).replace(" ", "")
    RowLimit.of(text)
    return text


SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
# Custom tags choose the type, so that an invalid value gives one problem, not one for each possible type.
MaxDrop = Annotated[
    Annotated[Fraction, Tag("[part]")] | Annotated[dict[str, Fraction], Tag("[by view]")],
    Discriminator(lambda value: "[by view]" if isinstance(value, dict) else "[part]"),
]
Owner = Annotated[str, AfterValidator(_legal_owner)]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(_legal_pattern)]


LimitText = Annotated[
    str,
    BeforeValidator(_legal_limit),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+( |[.][0-9]+ ?)?%$"}]}
    ),
]


class MostRows(Settings):
    """How many rows of a table may differ from the date before without a warning: a number, or a part such as `5%`."""

    added: LimitText | None = Field(default=None, description="New rows.")
    removed: LimitText | None = Field(default=None, description="Rows that are missing at the later date.")
    changed: LimitText | None = Field(default=None, description="Rows with other values; needs the key of the table.")


class Changes(Settings):
    """Each new date compared with the date before, row by row."""

    tables: tuple[str, ...] = Field(
        default=(), description="Views, or `db.schema.table`: the tables that are compared. Empty: all."
    )
    most: dict[str, MostRows] = Field(
        default_factory=dict,
        description="How many rows may be added, removed or changed without a warning: by view or table, with `default`.",
    )
    most_gb: float = Field(
        default=100,
        gt=0,
        description="At most so many GB are read per date, smaller tables first; the remaining tables are not compared.",
    )

    def limit_of(self, kind: str, view: str, table: str) -> tuple[RowLimit | None, bool]:
        """Returns the limit for rows `added`, `removed` or `changed` (`kind`), and whether lake.yaml names this table."""
        own = self.most.get(view, self.most.get(table))
        text = None if own is None else getattr(own, kind)
        if text is not None:
            return RowLimit.of(text), True
        otherwise = self.most.get("default")
        text = None if otherwise is None else getattr(otherwise, kind)
        return (None if text is None else RowLimit.of(text)), False


def _changes_need_athena(source: SharedKeys) -> Iterator[str]:
    if source.changes is not None and not source.athena:
        yield "changes: needs Athena to compare the dates, and `athena: false` turns it off; remove one of the two"


def _diff_views_need_athena(source: SharedKeys) -> Iterator[str]:
    if source.diff_views and not source.athena:
        yield "diff_views: needs Athena for its views, and `athena: false` turns it off; remove one of the two"


class Retention(Settings):
    """How many dates to keep: the newest days, and one per week and month before them."""

    daily: int = Field(default=14, ge=1, le=10_000, description="How many of the newest dates to keep.")
    weekly: int = Field(
        default=8, ge=0, le=10_000, description="For how many weeks to keep the newest date of each week."
    )
    monthly: int = Field(
        default=12, ge=0, le=10_000, description="For how many months to keep the newest date of each month."
    )
    schedule: Cron = Field(default="20 6 * * *", description="When Dagster removes the other dates: cron, UTC.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The settings for names of tables in Athena, besides `rename:`.

    `default_schema`: the `db.schema` whose tables keep their bare names. `home`: the only database, whose name views omit.
    `unions`: name of each union -> pattern of the names of its member tables.
    """

    default_schema: str | None = None
    home: str | None = None
    unions: Mapping[str, str] = field(default_factory=dict)


class SharedKeys(Settings):
    """The keys of an entry of `sources:` that all kinds have.

    A kind adds `kind` and its own keys, and overrides the properties below if its sources behave differently.
    """

    described: ClassVar[str]  # the kind in messages: "a DB instance"
    asset_kind: ClassVar[str]  # Dagster's kind of the asset of the export
    export_asset: ClassVar[str]  # what that asset is, and what the asset of the files is, for Dagster's UI
    parquet_asset: ClassVar[str]
    rules: ClassVar[tuple[Rule, ...]] = (_changes_need_athena, _diff_views_need_athena)

    name: SourceName = Field(description="Name in Dagster, in S3 and of the Glue database.", examples=["shop"])
    owners: tuple[Owner, ...] = Field(
        default=(), description="Owners of its assets in Dagster: e-mail addresses, `team:name`."
    )
    freshness_hours: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="No snapshot for longer than this is an incident. Default: 36, for manual snapshots alone 0 (never).",
    )
    rename: dict[str, str] = Field(
        default_factory=dict, description="`db.schema.table` or `db.schema.table.column` -> name in Athena."
    )
    types: dict[str, str] = Field(
        default_factory=dict, description="`db.schema.table.column` -> type in the view, e.g. decimal(12,2)."
    )
    keys: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="`db.schema.table` or view -> columns of its primary key, by which `rds-lake diff` joins two dates.",
    )
    publish: Literal["auto", "manual"] = Field(
        default="auto", description="manual: a date that passed its checks is held until a person approves it."
    )
    max_drop: MaxDrop = Field(
        default=_MAX_DROP,
        description="Share of a table's rows that may disappear since the date before; or by view, with `default`.",
    )
    changes: Changes | None = Field(
        default=None,
        description="Compare each new date with the date before, row by row: reads both dates of every table. None: off.",
    )
    diff_views: tuple[str, ...] = Field(
        default=(),
        description="Views, or `db.schema.table`: tables that get a view `<view>_diff` of the rows that differ from the date before.",
    )
    keep_export: bool = Field(default=False, description="Keep AWS's copy after the date is published.")
    athena: bool = Field(
        default=True, description="False: relocate the Parquet only, without tables and views in Athena."
    )
    table_assets: bool = Field(default=True, description="False: one `views` asset instead of one per table.")
    table_checks: bool | None = Field(
        default=None,
        description="Two checks at each table's asset. None: where all sources together have at most 200 table assets.",
    )
    retention: Retention | None = Field(
        default=None,
        description="Dates to keep: the newest days, one per week, one per month. None: all, and nothing is removed.",
    )
    export_timeout_hours: float = Field(
        default=24, gt=0, le=240, description="A waiting run gives up on an export after this long."
    )
    start_date: date | None = Field(default=None, description="First snapshot date, where later than the lake's.")

    def max_drop_of(self, view: str, table: str) -> tuple[float, bool]:
        """Returns the fraction (0 to 1) of rows that the table may lose, and whether lake.yaml names this table."""
        if not isinstance(self.max_drop, dict):
            return self.max_drop, False
        own = self.max_drop.get(view, self.max_drop.get(table))
        return (own, True) if own is not None else (self.max_drop.get("default", _MAX_DROP), False)

    @property
    def freshness(self) -> timedelta | None:
        """The maximum age of the newest snapshot; None: no limit."""
        hours = self._default_freshness_hours if self.freshness_hours is None else self.freshness_hours
        return timedelta(hours=hours) if hours else None

    @property
    def _default_freshness_hours(self) -> float:
        return _FRESHNESS_HOURS

    @property
    def included_tables(self) -> tuple[TableTarget, ...] | None:
        """The tables, if lake.yaml names each of them; otherwise None: only AWS knows which tables exist."""
        return None

    @property
    def outbox_tables(self) -> tuple[TableTarget, ...]:
        """The tables that capture itself uses and that are exported with the others."""
        return ()

    @property
    def naming(self) -> Naming:
        """The settings for names of its tables in Athena."""
        return Naming()

    @property
    def run_priority(self) -> int:
        """The priority of its runs in Dagster; queued runs with a higher number start first."""
        return 0

    @property
    def counts_casts(self) -> bool:
        """Whether the checks count values that the view's type cannot represent."""
        return True

    @property
    def in_place(self) -> bool:
        """Whether AWS's files are read where AWS wrote them, without a copy."""
        return False
