"""Rules that both targets of a pull share, as DuckDB expressions over `{raw}`."""

from __future__ import annotations

from rds_lake.model.tables.table import Column
from rds_lake.sql.casts import original_word
from rds_lake.sql.mysql_types import BIGINT_BITS, TEXTS
from rds_lake.sql.postgres_types import LIST, OTHER_DELIMITER, ZONED
from rds_lake.sql.pull.ways import Way, duckdb_type
from rds_lake.sql.quoting import literal

IS_DAY_TIME = r"regexp_full_match({raw}, '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?|24:00:00')"
IS_LIST = f"NOT regexp_matches({{raw}}, {OTHER_DELIMITER})"
IS_PLAIN_LIST = f"regexp_matches({{raw}}, {LIST}) AND {IS_LIST}"
_FRACTION = literal(r"\.([0-9]*[1-9])")
_MOST_BYTES = 8
# The session's zone is UTC; a cast of the text alone would drop its own.
_UTC = "CAST(TRY_CAST({raw} AS TIMESTAMP WITH TIME ZONE) AS TIMESTAMP)"
_IN_UTC = Way(kind="TIMESTAMP", value=_UTC, exact=f"{_UTC} IS NOT NULL")
# Patterns that exclude texts of which DuckDB would drop a part, such as the hour of a day or the zone of a time, and texts that
# only DuckDB accepts, such as `yes` or `2026/01/02`.
_DAY = "[0-9]+-[0-9]{1,2}-[0-9]{1,2}"
_WHOLE_TEXT = {
    "BOOLEAN": "lower({raw}) IN ('t', 'true', '1', 'f', 'false', '0')",
    "DATE": f"regexp_full_match({{raw}}, '{_DAY}|-?infinity')",
    "TIMESTAMP": f"regexp_full_match({{raw}}, '{_DAY}([ T][0-9:]+([.][0-9]{{1,6}}0*)?)?|-?infinity')",
}
# Athena's words for types, as `types:` has them, in DuckDB's.
_DUCKDB = {"varchar": "VARCHAR", "real": "FLOAT", "varbinary": "BLOB"}


def as_decimal(precision: int, scale: int) -> Way:
    """Returns text as a decimal. Numbers that are too large, and fraction digits beyond the scale, are lost (not trailing zeros)."""
    kind = f"DECIMAL({precision},{scale})"
    value = f"TRY_CAST({{raw}} AS {kind})"
    exact = f"{value} IS NOT NULL AND length(regexp_extract({{raw}}, {_FRACTION}, 1)) <= {scale}"
    return Way(kind=kind, value=value, exact=exact)


def as_overridden(column: Column, presto_type: str) -> tuple[Way, ...]:
    """Returns the column in the type from `types:` of lake.yaml, if DuckDB can cast to it without loss."""
    kind = _DUCKDB.get(presto_type, presto_type.upper())
    if column.hive_type == "string":
        if kind == "VARCHAR":
            return (Way(kind=kind, value="{raw}"),)
        if presto_type.startswith("decimal("):
            precision, scale = presto_type.removeprefix("decimal(").removesuffix(")").split(",")
            return (as_decimal(int(precision), int(scale)),)
        if kind == "TIMESTAMP" and original_word(column) in ZONED:
            return (_IN_UTC,)
        value = f"TRY_CAST({{raw}} AS {kind})"
        # An integer drops fractions, a double has fewer digits: only a value that is equal after casting back is exact.
        back = f"TRY_CAST({{raw}} AS DECIMAL(38,18)) = TRY_CAST({value} AS DECIMAL(38,18))"
        numbers = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE")
        exact = back if kind in numbers else f"{value} IS NOT NULL AND {_WHOLE_TEXT[kind]}"
        return (Way(kind=kind, value=value, exact=exact),)
    source = bits(column) or as_text_of_bytes(column)
    inner = "{raw}" if source is None else source.value
    inner_kind = duckdb_type(column.hive_type) if source is None else source.kind
    value = f"TRY_CAST({inner} AS {kind})"
    return (Way(kind=kind, value=value, exact=f"TRY_CAST({value} AS {inner_kind}) = {inner}"),)


def bits(column: Column) -> Way | None:
    """Returns the number in the big-endian bytes of MySQL's `bit`."""
    if original_word(column) != "bit":
        return None
    narrow = column.num_precision is not None and column.num_precision <= BIGINT_BITS
    kind = "BIGINT" if narrow else "DECIMAL(20,0)"
    number = f"TRY_CAST(TRY_CAST('0x' || hex({{raw}}) AS UBIGINT) AS {kind})"
    return Way(kind=kind, value=number, exact=f"octet_length({{raw}}) <= {_MOST_BYTES} AND {number} IS NOT NULL")


def as_text_of_bytes(column: Column) -> Way | None:
    """Returns MySQL text that AWS exported as bytes."""
    if original_word(column) not in TEXTS:
        return None
    return Way(kind="VARCHAR", value="TRY(decode({raw}))", exact="TRY(decode({raw})) IS NOT NULL")
