"""Entries of `sources:` that are sets of DynamoDB tables: `kind: dynamodb`.

What belongs here: their keys, and the rules about several keys of one source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from rds_lake.config.shared import Rule, SharedKeys
from rds_lake.model.tables.table import TableTarget, dynamodb_table

# The characters that a table's name may have (DynamoDB's rule), and the shell's wildcards.
_PATTERN = re.compile(r"[A-Za-z0-9_.\-*?\[\]!]{1,255}")
_WILDCARDS = frozenset("*?[")
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_SCAN_ONLY = ("on_demand_rcu", "read_percentage")


def _legal_table(text: str) -> str:
    if not _PATTERN.fullmatch(text) or (is_table_name(text) and not _TABLE_NAME.fullmatch(text)):
        raise ValueError(
            f"{text!r} is neither a name of a DynamoDB table (3-255 of a-z A-Z 0-9 _ - .) nor a pattern (* ? [abc])"
        )
    return text


def is_table_name(text: str) -> bool:
    """Whether an item of `tables` names one table; otherwise it is a pattern."""
    return _WILDCARDS.isdisjoint(text)


def _time_of_day(value: Any) -> Any:
    """Accepts 750 for 12:30, because programs with YAML 1.1 read an unquoted time as a number (https://yaml.org/type/int.html)."""
    if isinstance(value, time):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value // 60}:{value % 60:02}"
    if not isinstance(value, str) or not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", value, re.ASCII):
        raise ValueError(f"{value!r} is not a time of day in UTC, such as '03:30'")
    hours, minutes = value.split(":")
    return time(int(hours), int(minutes))


TableOrPattern = Annotated[str, AfterValidator(_legal_table)]
TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"}),
]


def _glue_writes_the_format(source: DynamoDb) -> Iterator[str]:
    if source.by_glue and source.format not in ("parquet", "orc"):
        yield f"converter: {source.converter} writes parquet or orc, not {source.format}; use `converter: local`"


def _glue_converts_exports(source: DynamoDb) -> Iterator[str]:
    if source.by_glue and source.method == "scan":
        yield f"converter: {source.converter} converts exports; leave it out for `method: scan`"


def _threshold_is_for_auto(source: DynamoDb) -> Iterator[str]:
    if source.converter != "auto" and "glue_above_gb" in source.model_fields_set:
        yield "glue_above_gb: is for `converter: auto` only; remove it"


def _a_scan_has_no_changes(source: DynamoDb) -> Iterator[str]:
    if source.incremental and source.method == "scan":
        yield "incremental: a scan has no changes to merge; leave it out"


def _changes_are_parquet(source: DynamoDb) -> Iterator[str]:
    if source.incremental and source.format != "parquet":
        yield f"incremental: changes can only be merged into Parquet, not into {source.format}; leave one of the two out"


def _changes_are_merged_here(source: DynamoDb) -> Iterator[str]:
    if source.incremental and source.by_glue:
        yield (
            f"incremental: changes are merged on one machine, not by converter: {source.converter}; use `converter: local`, "
            "or leave it out"
        )


def _athena_reads_parquet(source: DynamoDb) -> Iterator[str]:
    if source.format != "parquet" and source.athena:
        yield f"format: {source.format} files have no tables in Athena; add `athena: false`"


def _keys_of_the_method(source: DynamoDb) -> Iterator[str]:
    given = source.model_fields_set
    if source.method != "scan":
        yield from (f"{key}: is for `method: scan` only; remove it" for key in _SCAN_ONLY if key in given)
    elif "export_at" in given:
        yield "export_at: is for `method: export` only; a scan runs at the beginning of its date. Remove it"


def _no_table_twice(source: DynamoDb) -> Iterator[str]:
    twice = sorted({table for table in source.tables if source.tables.count(table) > 1})
    yield from (f"tables: {table} is listed twice; remove one" for table in twice)


class DynamoDb(SharedKeys):
    """`kind: dynamodb`: a set of DynamoDB tables. A snapshot date is the state of all of them at one instant of that UTC date."""

    described = "a set of DynamoDB tables"
    asset_kind = "dynamodb"
    export_asset = (
        "DynamoDB exports the source's tables to S3 as of one instant; the exports are started or adopted, and checked."
    )
    parquet_asset = "The items as typed files in the lake's layout, every one counted; ends with the manifest."
    rules: ClassVar[tuple[Rule, ...]] = (
        *SharedKeys.rules,
        _glue_writes_the_format,
        _glue_converts_exports,
        _threshold_is_for_auto,
        _a_scan_has_no_changes,
        _changes_are_parquet,
        _changes_are_merged_here,
        _athena_reads_parquet,
        _keys_of_the_method,
        _no_table_twice,
    )

    kind: Literal["dynamodb"] = Field(description="dynamodb: a set of DynamoDB tables.")
    tables: tuple[TableOrPattern, ...] = Field(
        min_length=1,
        description="Names or shell patterns of its tables; all are exported as of one instant.",
        examples=[["Reviews", "Users"]],
    )
    method: Literal["export", "scan"] = Field(
        default="export",
        description="export (point-in-time, costs no read capacity) or scan (throttled, not one instant).",
    )
    export_at: TimeOfDay = Field(
        default=time(0, 0),
        description="The instant of a date's snapshot, HH:MM in UTC of that date.",
        json_schema_extra={"default": "00:00"},
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
        default="parquet", description="Format of the files; all formats but parquet need `athena: false`."
    )
    numbers: Literal["exact", "double"] = Field(
        default="exact", description="Numbers as bigint, decimal or text, never rounded; or as double."
    )
    converter: Literal["local", "glue", "auto"] = Field(
        default="local",
        description="What converts the items: local (the process that runs Dagster's step), glue (a Spark job of AWS Glue) or "
        "auto (glue for tables above `glue_above_gb`).",
    )
    glue_above_gb: float = Field(
        default=200, gt=0, description="auto: tables of more GB than this, by DynamoDB's count, are converted by Glue."
    )
    incremental: bool = Field(
        default=False, description="Merge each day's changes into the day before instead of a full export."
    )

    @property
    def by_glue(self) -> bool:
        """Whether tables may be converted by AWS Glue."""
        return self.converter in ("glue", "auto")

    @property
    def included_tables(self) -> tuple[TableTarget, ...] | None:
        """The tables of `tables`; None if an item is a pattern."""
        named = tuple(dynamodb_table(name) for name in self.tables if is_table_name(name))
        return named if len(named) == len(self.tables) else None
