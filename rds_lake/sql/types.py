"""Type names: Hive's (Glue), Presto's (Athena queries), and those allowed in `types:`.

What belongs here: both sets of names and their mapping. The databases' names are `postgres_types.py` and `mysql_types.py`.
"""

from __future__ import annotations

import re

from rds_lake.model.tables.nested_types import to_query_type
from rds_lake.sql.quoting import identifier

_HIVE_TO_PRESTO = {
    "string": "varchar",
    "int": "integer",
    "float": "real",
    "binary": "varbinary",
    "timestamp": "timestamp(3)",
}
_SIMPLE = {
    "boolean",
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double",
    "varchar",
    "date",
    "timestamp",
}
_MAX_DIGITS = 38


def hive_to_presto(hive_type: str) -> str:
    """Returns the type for queries of a Hive type (`int` -> `integer`, `array<string>` -> `array(varchar)`)."""
    return to_query_type(hive_type, leaf=lambda word: _HIVE_TO_PRESTO.get(word, word), quote=identifier)


def parse_presto_type(text: str) -> str:
    """Returns a type of `types:` in one spelling. Raises ValueError with the allowed ones."""
    word = re.sub(r"\s+", "", text.lower())
    word = {"int": "integer", "string": "varchar", "float": "real"}.get(word, word)
    if word in _SIMPLE:
        return word
    if match := re.fullmatch(r"decimal\((\d{1,2}),(\d{1,2})\)", word):
        precision, scale = int(match[1]), int(match[2])
        if 1 <= precision <= _MAX_DIGITS and scale <= precision:
            return f"decimal({precision},{scale})"
    raise ValueError(
        f"{text!r} is not a type that a view can have; use {', '.join(sorted(_SIMPLE))} or decimal(p,s), p ≤ 38"
    )
