r"""Rows as the text of PostgreSQL's COPY, made by DuckDB: fields parted by tabs, `\N` for NULL, a line a row.

https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
"""

from __future__ import annotations

from collections.abc import Sequence

# What COPY reads as something else: the backslash first, since the others bring one along.
_ESCAPES = (("'\\'", "'\\\\'"), ("chr(9)", "'\\t'"), ("chr(10)", "'\\n'"), ("chr(13)", "'\\r'"))
_NULL = "'\\N'"


def copy_line(values: Sequence[tuple[str, bool]]) -> str:
    """DuckDB's expression of a row's line, of the expressions of its texts, and whether each is never one to escape."""
    fields = ", chr(9), ".join(
        f"COALESCE({value if is_plain else _escaped(value)}, {_NULL})" for value, is_plain in values
    )
    return f"concat({fields}, chr(10))"


def _escaped(value: str) -> str:
    """Most texts have nothing to escape, and looking costs a fourth of replacing."""
    needed = " OR ".join(f"contains({value}, {what})" for what, _ in _ESCAPES)
    replaced = value
    for what, by in _ESCAPES:
        replaced = f"replace({replaced}, {what}, {by})"
    return f"CASE WHEN {needed} THEN {replaced} ELSE {value} END"
