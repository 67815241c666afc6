"""What each kind of source takes: the keys of DynamoDB sources, and which keys make no sense for which kind.

What belongs here: those keys and the rule. Keys of all kinds, and those of databases, are `config/lake_yaml.py`.
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Kind = Literal["rds", "aurora", "dynamodb"]
Engine = Literal["postgres", "mysql", "mariadb", "local", "glue", "auto"]

# What a name of DynamoDB consists of, and the wildcards of the shell.
_PATTERN = re.compile(r"[A-Za-z0-9_.\-*?\[\]!]{1,255}")
_WILDCARDS = frozenset("*?[")
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")


def _legal_table(text: str) -> str:
    if not _PATTERN.fullmatch(text) or (is_table_name(text) and not _TABLE_NAME.fullmatch(text)):
        raise ValueError(
            f"{text!r} is no name of a DynamoDB table (3-255 of a-z A-Z 0-9 _ - .) nor a pattern (* ? [abc])"
        )
    return text


def is_table_name(text: str) -> bool:
    """Whether an item of `tables` names one table; otherwise it is a pattern."""
    return _WILDCARDS.isdisjoint(text)


def _time_of_day(value: Any) -> Any:
    """YAML 1.1 reads an unquoted 12:30 as the number 750."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value // 60}:{value % 60:02}"
    if not isinstance(value, str) or not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError(f"{value!r} is no time of day in UTC, such as '03:30'")
    hours, minutes = value.split(":")
    return time(int(hours), int(minutes))


TableOrPattern = Annotated[str, AfterValidator(_legal_table)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]


class KindKeys(BaseModel):
    """A source's kind, which decides about the keys that may stand beside it, and the keys of `kind: dynamodb`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(
        description="rds: a DB instance (PostgreSQL, MySQL, MariaDB). aurora: an Aurora cluster (PostgreSQL, MySQL). "
        "dynamodb: a set of DynamoDB tables."
    )
    tables: tuple[TableOrPattern, ...] = Field(
        default=(),
        validate_default=True,
        description="dynamodb: names or shell patterns of its tables; all are exported as of one instant.",
    )
    method: Literal["export", "scan"] = Field(
        default="export",
        description="dynamodb: export (point-in-time, costs no read capacity) or scan (throttled, not one instant).",
    )
    export_at: TimeOfDay = Field(
        default=time(0, 0), description="dynamodb: the instant of a date's snapshot, HH:MM in UTC of that date."
    )
    read_percentage: float = Field(
        default=0.25, gt=0, le=1, description="scan: the part of a table's read capacity that is used."
    )
    on_demand_rcu: float = Field(
        default=4000,
        gt=0,
        description="scan: what counts as the read capacity of an on-demand table, in RCU per second.",
    )
    format: Literal["parquet", "orc", "csv", "json"] = Field(
        default="parquet", description="dynamodb: format of the files; others than parquet need `athena: false`."
    )
    numbers: Literal["exact", "double"] = Field(
        default="exact", description="dynamodb: numbers as bigint, decimal or text, never rounded; or as double."
    )
    glue_above_gb: float = Field(
        default=200, gt=0, description="auto: tables of more GB than this, by DynamoDB's count, are converted by Glue."
    )
    incremental: bool = Field(
        default=False, description="dynamodb: merge each day's changes into the day before instead of a full export."
    )

    @field_validator("*")
    @classmethod
    def _key_fits_the_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Per key, so that every one is told with its place, beside all other problems of the file."""
        problem = _problem(info.field_name or "", value, info.data.get("kind"))
        if problem:
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _keys_fit_each_other(self) -> Self:
        problems = _combined(self) if self.kind == "dynamodb" else []
        if problems:
            raise ValueError("; ".join(problems))
        return self


_DYNAMODB = frozenset(KindKeys.model_fields) - {"kind"}
_DATABASES = frozenset(
    {
        "identifier",
        "snapshots",
        "which",
        "replace",
        "live_schedule",
        "priority",
        "include",
        "default_schema",
        "union",
        "parquet",
        "check_casts",
    }
)
_DYNAMODB_ENGINES = ("local", "glue", "auto")
_DATABASE_ENGINES = ("postgres", "mysql", "mariadb")
_SCAN_ONLY = frozenset({"read_percentage", "on_demand_rcu"})


def _problem(key: str, value: Any, kind: str | None) -> str | None:
    """Why the key cannot stand in a source of the kind; None: of none, as the kind itself is wrong."""
    dynamodb = kind == "dynamodb"
    if key == ("tables" if dynamodb else "identifier") and not value:
        return "is required; add it (docs/configuration.md describes it)"
    if kind is None:
        return None
    if key in (_DATABASES if dynamodb else _DYNAMODB):
        # Empty is what a required key of the other kind is without being given.
        return f"makes no sense for kind {kind}; remove it" if value or key not in ("tables", "identifier") else None
    if key == "engine" and value is not None:
        legal = _DYNAMODB_ENGINES if dynamodb else _DATABASE_ENGINES
        return None if value in legal else f"{value!r} is none of kind {kind}; use {', '.join(legal)}"
    return None


def _not_incremental(source: Any) -> list[str]:
    """Why changes cannot be merged for the source."""
    reasons: list[str] = []
    if source.method == "scan":
        reasons.append("a scan has no changes to merge; leave it out")
    if source.format != "parquet":
        reasons.append(f"changes are merged into Parquet, not {source.format}; leave one of both out")
    if source.by_glue:
        reasons.append(f"changes are merged by this machine, and engine: {source.engine} is for tables that outgrow one; "
                       "use `engine: local`, or leave it out")  # fmt: skip
    return reasons


def _combined(source: Any) -> list[str]:
    """What does not go together in a DynamoDB source."""
    problems: list[str] = []
    scans = source.method == "scan"
    if source.by_glue and source.format not in ("parquet", "orc"):
        problems.append(f"engine: {source.engine} writes parquet or orc, not {source.format}; use `engine: local`")
    if source.by_glue and scans:
        problems.append(f"engine: {source.engine} converts exports; leave it out for `method: scan`")
    if source.engine != "auto" and "glue_above_gb" in source.model_fields_set:
        problems.append("glue_above_gb: is for `engine: auto` only; remove it")
    if source.incremental:
        problems += [f"incremental: {reason}" for reason in _not_incremental(source)]
    if source.format != "parquet" and source.athena:
        problems.append(f"format: {source.format} files have no tables in Athena; add `athena: false`")
    if not scans:
        given = sorted(source.model_fields_set & _SCAN_ONLY)
        problems += [f"{key}: is for `method: scan` only; remove it" for key in given]
    elif "export_at" in source.model_fields_set:
        problems.append("export_at: is for `method: export`; a scan is made on its date, as soon as that begins")
    twice = sorted({table for table in source.tables if source.tables.count(table) > 1})
    return problems + [f"tables: {table} stands twice" for table in twice]
