"""The types and expressions of columns in a DuckDB file.

    numeric of PostgreSQL        as in the view (DECIMAL(2p,p), DECIMAL(38,18)), else VARCHAR
    date, timestamp, timestamptz DATE, TIMESTAMP to the microsecond, TIMESTAMPTZ; infinity and BC are values
    time                         TIME, else VARCHAR (MySQL's has more than a day)
    uuid, json, jsonb            UUID, JSON with PostgreSQL's own text
    arrays                       VARCHAR[] of one dimension, else VARCHAR
    bit(n) of MySQL              BIGINT, DECIMAL(20,0)
    all other text               VARCHAR: PostgreSQL's or MySQL's own text
    native types                 as they are, nested ones of DynamoDB too

What belongs here: the rules. Rules shared with PostgreSQL are `ways.py` and `shared_rules.py`.
"""

from __future__ import annotations

from rds_lake.model.tables.table import Column
from rds_lake.sql.casts import original_word
from rds_lake.sql.duckdb_lists import list_of_texts
from rds_lake.sql.postgres_types import EXACT_PRECISION, TIMESTAMPS, ZONED
from rds_lake.sql.pull.shared_rules import (
    IS_DAY_TIME,
    IS_PLAIN_LIST,
    as_decimal,
    as_overridden,
    as_text_of_bytes,
    bits,
)
from rds_lake.sql.pull.ways import PulledColumn, Way, duckdb_type, early_days_unknown

_TEXT = Way(kind="VARCHAR", value="{raw}")
# `0044-03-15 12:00:00+00 BC` of PostgreSQL is `0044-03-15 (BC) 12:00:00+00` of DuckDB.
_ERA = r"regexp_replace({raw}, '^(\d+-\d\d-\d\d)(.*) BC$', '\1 (BC)\2')"


def duckdb_column(column: Column, name: str, override: str | None) -> PulledColumn:
    """Returns the ways to store the column; `override`: its parsed Athena type from `types:` of lake.yaml."""
    asked = () if override is None else as_overridden(column, override)
    return PulledColumn(column=column, name=name, ways=(*asked, *_natural(column)), notes=early_days_unknown(column))


def _natural(column: Column) -> tuple[Way, ...]:
    if column.hive_type == "string":
        best = _of_text(column)
        return (_TEXT,) if best is None else (best, _TEXT)
    plain = Way(kind=duckdb_type(column.hive_type), value="{raw}")
    if column.hive_type == "binary":
        better = bits(column) or as_text_of_bytes(column)
        return (plain,) if better is None else (better, plain)
    return (plain,)


def _of_text(column: Column) -> Way | None:
    word = original_word(column)
    if word == "numeric":
        precision = column.num_precision
        narrow = precision is not None and precision <= EXACT_PRECISION
        return as_decimal(2 * precision, precision) if narrow and precision is not None else as_decimal(38, 18)
    if word == "date":
        # MySQL's day 0 would be one before Christ.
        return _cast("DATE", _ERA, "{raw} NOT LIKE '0000-%'")
    if word in TIMESTAMPS:
        return _cast("TIMESTAMP", _ERA)
    if word in ZONED:
        return _cast("TIMESTAMP WITH TIME ZONE", _ERA)
    if word in ("time", "time without time zone"):
        return _cast("TIME", "{raw}", IS_DAY_TIME)
    if word == "uuid":
        return _cast("UUID", "{raw}", "CAST(TRY_CAST({raw} AS UUID) AS VARCHAR) = {raw}")
    if word in ("json", "jsonb"):
        return Way(kind="JSON", value="CAST({raw} AS JSON)", exact="json_valid({raw})")
    if word == "array" or word.endswith("[]"):
        return Way(kind="VARCHAR[]", value=list_of_texts("{raw}"), exact=IS_PLAIN_LIST)
    return None


def _cast(kind: str, text: str, condition: str = "true") -> Way:
    value = f"TRY_CAST({text} AS {kind})"
    return Way(kind=kind, value=value, exact=f"{value} IS NOT NULL AND {condition}")
