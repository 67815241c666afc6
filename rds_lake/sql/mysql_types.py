r"""MySQL's and MariaDB's types in an Athena view.

AWS exports most of MySQL's types as they are, so few need a rule (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html):

    date                    date             `0000-00-00` and days that do not exist -> NULL (`view_columns.py`)
    bit(n), n ≤ 63          bigint           AWS writes big-endian bytes
    bit(64)                 decimal(20,0)    a bigint has one bit too few
    char, text, … as bytes  varchar          AWS documents char as bytes, and wrote it as text
    decimal beyond 38 digits, time, json, enum, set    varchar    MySQL's own text; `types:` gives them another type
    everything else         as it is         unsigned, decimal, year, datetime, timestamp, binary, geometry, …

What belongs here: one column's expression. The whole view is `sql/views.py`.
"""

from __future__ import annotations

from rds_lake.model.tables.table import Column
from rds_lake.sql.casts import Typed, original_word
from rds_lake.sql.quoting import identifier, literal

TEXTS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"}
BIGINT_BITS = 63
_WIDEST, _BIT64_DIGITS = "decimal(20,0)", 16
_HEX_DIGITS = literal("0123456789ABCDEF")
# A lambda's parameters hide columns of their names. AWS exports no table that has a column with a space in its name.
_SUM, _PLACE = identifier("bit sum"), identifier("bit place")


def typed(column: Column, raw: str) -> Typed | None:
    """Returns the column by MySQL's meaning of its type; None if it needs no rule."""
    if column.hive_type != "binary":
        return None
    word = original_word(column)
    if word == "bit":
        return _bits(column.num_precision, raw)
    if word in TEXTS:
        return Typed(expression=f"from_utf8({raw})", presto_type="varchar")
    return None


def _bits(bits: int | None, raw: str) -> Typed:
    """Returns the number of big-endian bytes, computed digit by digit, as Athena's from_base ends at 63 bits."""
    digits = f"to_hex({raw})"
    digit = f"strpos({_HEX_DIGITS}, substr({digits}, {_PLACE}, 1)) - 1"
    number = (
        f"reduce(sequence(1, length({digits})), CAST(0 AS {_WIDEST}), "
        f"({_SUM}, {_PLACE}) -> CAST({_SUM} * 16 + {digit} AS {_WIDEST}), {_SUM} -> {_SUM})"
    )
    # More digits than MySQL's widest bit has would overflow: the value is NULL, and the query does not fail.
    widest = f"CASE WHEN length({digits}) <= {_BIT64_DIGITS} THEN {number} END"
    narrow = bits is not None and bits <= BIGINT_BITS
    expression = f"TRY_CAST({widest} AS bigint)" if narrow else widest
    return Typed(
        expression=expression,
        presto_type="bigint" if narrow else _WIDEST,
        loss=f"{raw} IS NOT NULL AND {expression} IS NULL",
    )
