r"""PostgreSQL's types in an Athena view: from the export's text back to real values.

AWS exports all but a handful of PostgreSQL's types as text (aws-facts 2.2). The view casts them back with TRY_CAST, so
that one `infinity` or `NaN` makes a NULL and not a failed query (traps T24). `Typed.loss` is true for exactly the
values that lose something, and a check counts them.

    numeric(p, …), p ≤ 19   decimal(2p, p)   exact: the export tells p but not the scale (docs/decisions/0005)
    numeric otherwise       decimal(38, 18)
    date                    date             infinity, BC -> NULL (`view_columns.py`)
    timestamp               timestamp        to the millisecond, Athena's limit; infinity, BC -> NULL
    timestamptz             timestamp, UTC   Athena cannot store a zone in a view
    arrays                  array(varchar)   one dimension; nested ones -> NULL
    all other text types    varchar          uuid, json, time, interval, money, enum, …: PostgreSQL's own text
    native types            as they are

What belongs here: one column's expression. The whole view is `views.py`.
"""

from __future__ import annotations

from rds_lake.model.table import Column
from rds_lake.sql.casts import Typed, from_text, original_word
from rds_lake.sql.quoting import literal

# The greatest precision p whose decimal(2p, p) still fits Athena's 38 digits.
_EXACT_PRECISION = 19

# An array's elements; an escaped character inside one.
_ELEMENT = literal(r'"(?:[^"\\]|\\.)*"|[^,]+')
_ESCAPED = literal(r"\\(.)")

_TIMESTAMPS = {"timestamp without time zone", "timestamp"}
_ZONED = {"timestamp with time zone", "timestamptz"}


def typed(column: Column, raw: str) -> Typed | None:
    """The column as PostgreSQL means it; None when no rule is needed."""
    if column.hive_type != "string":
        return None
    word = original_word(column)
    # Never `decimal`: that is MySQL's word, whose text has more digits than any decimal of Athena.
    if word == "numeric":
        return from_text(raw, _decimal(column.num_precision))
    if word in _TIMESTAMPS:
        return from_text(raw, "timestamp")
    if word in _ZONED:
        return _zoned(raw)
    if word == "array" or word.endswith("[]"):
        return _array(raw)
    return None


def zoned_as(column: Column, raw: str, presto_type: str) -> Typed | None:
    """A zoned column as the timestamp a person asked for, which a plain cast of its text would not be."""
    return _zoned(raw) if presto_type == "timestamp" and original_word(column) in _ZONED else None


def _decimal(precision: int | None) -> str:
    if precision is not None and precision <= _EXACT_PRECISION:
        return f"decimal({2 * precision},{precision})"
    return "decimal(38,18)"


def _zoned(raw: str) -> Typed:
    # PostgreSQL prints whole-hour offsets as `+00`; Athena's cast wants `+00:00` (aws-facts 2.2).
    full = f"regexp_replace({raw}, {literal('([+-][0-9]{2})$')}, {literal('$1:00')})"
    cast = f"TRY_CAST({full} AS timestamp with time zone)"
    return Typed(
        expression=f"CAST({cast} AT TIME ZONE 'UTC' AS timestamp)",
        presto_type="timestamp",
        loss=f"{raw} IS NOT NULL AND {cast} IS NULL",
    )


def _array(raw: str) -> Typed:
    r"""`{a,"b,c",NULL}` as array(varchar): elements are quoted with `\` escapes, or bare; only a bare NULL is null."""
    elements = f"regexp_extract_all(substr({raw}, 2, length({raw}) - 2), {_ELEMENT})"
    unquoted = f"regexp_replace(substr(rds_lake_e, 2, length(rds_lake_e) - 2), {_ESCAPED}, {literal('$1')})"
    element = (
        "rds_lake_e -> CASE WHEN rds_lake_e = 'NULL' THEN NULL "
        f"WHEN substr(rds_lake_e, 1, 1) = '\"' THEN {unquoted} ELSE rds_lake_e END"
    )
    # `{{…}}` has more dimensions, `[2:3]={…}` other bounds: neither is a plain list.
    plain = f"{raw} LIKE '{{%}}' AND {raw} NOT LIKE '{{{{%'"
    return Typed(
        expression=f"CASE WHEN {plain} THEN transform({elements}, {element}) END",
        presto_type="array(varchar)",
        loss=f"{raw} IS NOT NULL AND NOT ({plain})",
    )
