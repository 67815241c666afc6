r"""PostgreSQL's types in an Athena view: from the export's text back to real values.

AWS exports all but a handful of PostgreSQL's types as text (aws-facts 2.2). The view casts them back with TRY_CAST, so
that one `infinity` or `NaN` makes a NULL and not a failed query (traps T24). `ViewColumn.loss` is true for exactly the
values that lose something, and a check counts them.

    numeric(p, …), p ≤ 19   decimal(2p, p)   exact: the export tells p but not the scale (docs/decisions/0005)
    numeric otherwise       decimal(38, 18)
    date                    date             infinity, BC -> NULL
    timestamp               timestamp        to the millisecond, Athena's limit; infinity, BC -> NULL
    timestamptz             timestamp, UTC   Athena cannot store a zone in a view
    arrays                  array(varchar)   one dimension; nested ones -> NULL
    all other text types    varchar          uuid, json, time, interval, money, enum, …: PostgreSQL's own text
    native types            as they are

What belongs here: one column's expression. The whole view is `views.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.model.table import Column
from rds_lake.sql.quoting import identifier, literal
from rds_lake.sql.types import hive_to_presto, parse_presto_type

# The greatest precision p whose decimal(2p, p) still fits Athena's 38 digits.
_EXACT_PRECISION = 19

# Fraction digits up to the last that is not zero; an array's elements; an escaped character inside one.
_FRACTION = literal(r"\.([0-9]*[1-9])")
_ELEMENT = literal(r'"(?:[^"\\]|\\.)*"|[^,]+')
_ESCAPED = literal(r"\\(.)")

_DATES = {"date"}
_TIMESTAMPS = {"timestamp without time zone", "timestamp"}
_ZONED = {"timestamp with time zone", "timestamptz"}
_NUMBERS = {"numeric", "decimal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewColumn:
    """One column of a view. `name` is the Parquet column, `loss` an SQL condition or None where nothing is cast."""

    name: str
    alias: str
    expression: str
    presto_type: str
    loss: str | None = None


def view_column(column: Column, alias: str, *, type_override: str | None = None) -> ViewColumn:
    """The view's column for a raw column; ValueError when `type_override` is no type, or none the column can have."""
    raw = identifier(column.name.lower())
    if type_override is not None:
        return _overridden(column, alias, raw, parse_presto_type(type_override))
    if column.hive_type != "string":
        return ViewColumn(name=column.name, alias=alias, expression=raw, presto_type=hive_to_presto(column.hive_type))
    original = (column.original_type or "").strip().lower()
    if original in _NUMBERS:
        return _cast(column, alias, raw, _decimal(column.num_precision))
    if original in _DATES:
        return _cast(column, alias, raw, "date")
    if original in _TIMESTAMPS:
        return _cast(column, alias, raw, "timestamp")
    if original in _ZONED:
        return _zoned(column, alias, raw)
    if original == "array" or original.endswith("[]"):
        return _array(column, alias, raw)
    return ViewColumn(name=column.name, alias=alias, expression=raw, presto_type="varchar")


def _decimal(precision: int | None) -> str:
    if precision is not None and precision <= _EXACT_PRECISION:
        return f"decimal({2 * precision},{precision})"
    return "decimal(38,18)"


def _overridden(column: Column, alias: str, raw: str, presto_type: str) -> ViewColumn:
    """The type a person asked for. A native value is also lost when casting it back gives another one."""
    if column.hive_type == "string":
        zoned = presto_type == "timestamp" and (column.original_type or "").strip().lower() in _ZONED
        return _zoned(column, alias, raw) if zoned else _cast(column, alias, raw, presto_type)
    native = hive_to_presto(column.hive_type)
    if _family(native) is None or _family(presto_type) not in (_family(native), "text"):
        raise ValueError(f"Athena casts no {native} to {presto_type}")
    expression = f"TRY_CAST({raw} AS {presto_type})"
    changed = f"TRY_CAST({expression} AS {native}) IS DISTINCT FROM {raw}"
    return ViewColumn(name=column.name, alias=alias, expression=expression, presto_type=presto_type, loss=changed)


def _family(presto_type: str) -> str | None:
    """Types that cast into each other; every family casts to text. None: binary and nested types cast to nothing."""
    word = presto_type.split("(")[0]
    if word in ("date", "timestamp"):
        return "time"
    if word == "varchar":
        return "text"
    numbers = ("boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal")
    return "number" if word in numbers else None


def _cast(column: Column, alias: str, raw: str, presto_type: str) -> ViewColumn:
    """TRY_CAST of text; a decimal also loses fraction digits beyond its scale, trailing zeros aside."""
    if presto_type == "varchar":
        return ViewColumn(name=column.name, alias=alias, expression=raw, presto_type=presto_type)
    expression = f"TRY_CAST({raw} AS {presto_type})"
    lost = f"{raw} IS NOT NULL AND {expression} IS NULL"
    if presto_type.startswith("decimal"):
        scale = presto_type.removesuffix(")").split(",")[1]
        significant = f"regexp_extract({raw}, {_FRACTION}, 1)"
        lost = f"({lost}) OR COALESCE(length({significant}), 0) > {scale}"
    return ViewColumn(name=column.name, alias=alias, expression=expression, presto_type=presto_type, loss=lost)


def _zoned(column: Column, alias: str, raw: str) -> ViewColumn:
    # PostgreSQL prints whole-hour offsets as `+00`; Athena's cast wants `+00:00` (aws-facts 2.2).
    full = f"regexp_replace({raw}, {literal('([+-][0-9]{2})$')}, {literal('$1:00')})"
    cast = f"TRY_CAST({full} AS timestamp with time zone)"
    return ViewColumn(
        name=column.name,
        alias=alias,
        expression=f"CAST({cast} AT TIME ZONE 'UTC' AS timestamp)",
        presto_type="timestamp",
        loss=f"{raw} IS NOT NULL AND {cast} IS NULL",
    )


def _array(column: Column, alias: str, raw: str) -> ViewColumn:
    r"""`{a,"b,c",NULL}` as array(varchar): elements are quoted with `\` escapes, or bare; only a bare NULL is null."""
    elements = f"regexp_extract_all(substr({raw}, 2, length({raw}) - 2), {_ELEMENT})"
    unquoted = f"regexp_replace(substr(rds_lake_e, 2, length(rds_lake_e) - 2), {_ESCAPED}, {literal('$1')})"
    element = (
        "rds_lake_e -> CASE WHEN rds_lake_e = 'NULL' THEN NULL "
        f"WHEN substr(rds_lake_e, 1, 1) = '\"' THEN {unquoted} ELSE rds_lake_e END"
    )
    # `{{…}}` has more dimensions, `[2:3]={…}` other bounds: neither is a plain list.
    plain = f"{raw} LIKE '{{%}}' AND {raw} NOT LIKE '{{{{%'"
    return ViewColumn(
        name=column.name,
        alias=alias,
        expression=f"CASE WHEN {plain} THEN transform({elements}, {element}) END",
        presto_type="array(varchar)",
        loss=f"{raw} IS NOT NULL AND NOT ({plain})",
    )
