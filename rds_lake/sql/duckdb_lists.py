r"""PostgreSQL's text of an array as DuckDB's list: `{a,"b,c",NULL}`. Athena's own is in `postgres_types.py`.

What belongs here: that expression. The caller decides which texts are such arrays.
"""

from __future__ import annotations

from rds_lake.sql.postgres_types import ARRAY_ELEMENT
from rds_lake.sql.quoting import identifier, literal

# A lambda's parameter hides a column of its name. AWS exports no table that has a column with a space in its name.
_EACH = identifier("array element")
_ESCAPED, _KEPT = literal(r"(?s)\\(.)"), literal(r"\1")


def list_of_texts(raw: str) -> str:
    r"""Returns the elements as texts, without quotes and `\` escapes; only an unquoted NULL is null."""
    elements = f"regexp_extract_all(substr({raw}, 2, length({raw}) - 2), {literal(f'(?s){ARRAY_ELEMENT}')})"
    unquoted = f"regexp_replace(substr({_EACH}, 2, length({_EACH}) - 2), {_ESCAPED}, {_KEPT}, 'g')"
    element = f"CASE WHEN {_EACH} = 'NULL' THEN NULL WHEN substr({_EACH}, 1, 1) = '\"' THEN {unquoted} ELSE {_EACH} END"
    return f"list_transform({elements}, lambda {_EACH}: {element})"
