r"""Rows in the text format of PostgreSQL's COPY, made by DuckDB: tabs between fields, `\N` for NULL, one line per row.

https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
"""

from __future__ import annotations

from collections.abc import Sequence

# Characters with a meaning in COPY: the backslash first, since the escapes of the others add one.
_ESCAPES = (("'\\'", "'\\\\'"), ("chr(9)", "'\\t'"), ("chr(10)", "'\\n'"), ("chr(13)", "'\\r'"))
_NULL = "'\\N'"


def copy_line(values: Sequence[tuple[str, bool]]) -> str:
    """Returns DuckDB's expression for a row's line. Each value: its text expression, and whether it never needs escapes."""
    fields = ", chr(9), ".join(
        f"COALESCE({value if is_plain else _escaped(value)}, {_NULL})" for value, is_plain in values
    )
    return f"concat({fields}, chr(10))"


def _escaped(value: str) -> str:
    """Returns the escaped text. Most texts need no escapes, and the test for that costs a quarter of replacing."""
    needed = " OR ".join(f"contains({value}, {what})" for what, _ in _ESCAPES)
    replaced = value
    for what, by in _ESCAPES:
        replaced = f"replace({replaced}, {what}, {by})"
    return f"CASE WHEN {needed} THEN {replaced} ELSE {value} END"
