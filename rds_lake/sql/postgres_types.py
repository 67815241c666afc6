r"""PostgreSQL's types in an Athena view: casts the export's text to typed values.

AWS exports all but a handful of PostgreSQL's types as text
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html). The view casts them back with TRY_CAST, so
that an `infinity` or `NaN` becomes NULL instead of failing the query. `Typed.loss` is true for exactly the values that lose
something, and a check counts them.

    numeric(p, …), p ≤ 19   decimal(2p, p)   exact: the export names p but not the scale (docs/decisions/0005)
    numeric otherwise       decimal(38, 18)
    date                    date             infinity, BC -> NULL (`view_columns.py`)
    timestamp               timestamp        to the millisecond, Athena's limit; infinity, BC -> NULL
    timestamptz             timestamp, UTC   Athena cannot store a zone in a view
    arrays                  array(varchar)   one dimension; nested ones -> NULL
    all other text types    varchar          uuid, json, time, interval, money, enum, …: PostgreSQL's own text
    native types            as they are

What belongs here: one column's expression. The whole view is `sql/views.py`.
"""

from __future__ import annotations

from rds_lake.model.tables.table import Column
from rds_lake.sql.casts import Typed, from_text, original_word
from rds_lake.sql.quoting import identifier, literal

# The greatest precision p whose decimal(2p, p) still fits Athena's 38 digits.
EXACT_PRECISION = 19

# An array as PostgreSQL writes it (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO): elements with a brace,
# a quote, a backslash, the delimiter or white space are quoted. Arrays with more dimensions or with bounds do not match.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BARE = r'[^"\\{},\x09-\x0D ]+'
ARRAY_LIST = rf"\{{(?:(?:{_QUOTED}|{_BARE})(?:,(?:{_QUOTED}|{_BARE}))*)?\}}"
ARRAY_ELEMENT = rf"{_QUOTED}|[^,]+"
LIST, _ELEMENT = literal(rf"\A{ARRAY_LIST}\z"), literal(ARRAY_ELEMENT)
_ESCAPED = literal(r"\\(.)")
# The export says `ARRAY` of all of them, but two types write another delimiter than the comma: `box` and PostGIS's `geometry`
# (and `geography`), whose text is hexadecimal. Read as lists they would have elements that are none.
_POINT = r"\([^\s,;(){}]+,[^\s,;(){}]+\)"
_BOX = rf"(?:NULL|{_POINT},{_POINT})"
_SHAPE = "(?:NULL|0[01][0-9A-F]{16,})"
ARRAY_OTHER_DELIMITER = rf"\{{(?:{_POINT},{_POINT}|{_BOX}(?:;{_BOX})+|{_SHAPE}(?::{_SHAPE})+)\}}"
OTHER_DELIMITER = literal(rf"\A{ARRAY_OTHER_DELIMITER}\z")
# A lambda's parameter hides a column of its name. AWS exports no table that has a column with a space in its name.
_EACH = identifier("array element")

TIMESTAMPS = {"timestamp without time zone", "timestamp"}
ZONED = {"timestamp with time zone", "timestamptz"}


def typed(column: Column, raw: str) -> Typed | None:
    """Returns the column by PostgreSQL's meaning of its type; None if it needs no rule."""
    if column.hive_type != "string":
        return None
    word = original_word(column)
    # Never `decimal`: that is MySQL's word, whose text has more digits than any decimal of Athena.
    if word == "numeric":
        return from_text(raw, _decimal(column.num_precision))
    if word in TIMESTAMPS:
        return from_text(raw, "timestamp")
    if word in ZONED:
        return _zoned(raw)
    if word == "array" or word.endswith("[]"):
        return _array(raw)
    return None


def zoned_as(column: Column, raw: str, presto_type: str) -> Typed | None:
    """Returns a zoned column in the timestamp type that the user chose; a plain cast of its text would be wrong."""
    return _zoned(raw) if presto_type == "timestamp" and original_word(column) in ZONED else None


def _decimal(precision: int | None) -> str:
    if precision is not None and precision <= EXACT_PRECISION:
        return f"decimal({2 * precision},{precision})"
    return "decimal(38,18)"


def _zoned(raw: str) -> Typed:
    # PostgreSQL prints whole-hour offsets as `+00`; Athena's cast wants `+00:00`.
    full = f"regexp_replace({raw}, {literal('([+-][0-9]{2})$')}, {literal('$1:00')})"
    cast = f"TRY_CAST({full} AS timestamp with time zone)"
    return Typed(
        expression=f"CAST({cast} AT TIME ZONE 'UTC' AS timestamp)",
        presto_type="timestamp",
        loss=f"{raw} IS NOT NULL AND {cast} IS NULL",
    )


def _array(raw: str) -> Typed:
    r"""Returns `{a,"b,c",NULL}` as array(varchar): elements are quoted with `\` escapes, or bare; only a bare NULL is null.

    A text that is not such a list is NULL and counted: `{{…}}`, `[2:3]={…}`, `1 2 3` of an int2vector,
    `{(1,1),(0,0);…}`.
    """
    elements = f"regexp_extract_all(substr({raw}, 2, length({raw}) - 2), {_ELEMENT})"
    unquoted = f"regexp_replace(substr({_EACH}, 2, length({_EACH}) - 2), {_ESCAPED}, {literal('$1')})"
    element = (
        f"{_EACH} -> CASE WHEN {_EACH} = 'NULL' THEN NULL "
        f"WHEN substr({_EACH}, 1, 1) = '\"' THEN {unquoted} ELSE {_EACH} END"
    )
    plain = f"regexp_like({raw}, {LIST}) AND NOT regexp_like({raw}, {OTHER_DELIMITER})"
    return Typed(
        expression=f"CASE WHEN {plain} THEN transform({elements}, {element}) END",
        presto_type="array(varchar)",
        loss=f"{raw} IS NOT NULL AND NOT ({plain})",
    )
