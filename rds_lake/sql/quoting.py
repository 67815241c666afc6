"""Quotes every identifier and literal that goes into SQL (Athena's SELECT dialect; PostgreSQL's is the same).

What belongs here: quoting. Names with quotes, spaces, unicode or reserved words are data, never SQL.
"""

from __future__ import annotations

from datetime import date


def identifier(name: str) -> str:
    """`"name"`, with quotes inside doubled."""
    _refuse(name, "identifier", empty=False)
    return '"' + name.replace('"', '""') + '"'


def backticked(name: str) -> str:
    """`` `name` `` for MySQL, with backticks inside doubled."""
    _refuse(name, "identifier", empty=False)
    return "`" + name.replace("`", "``") + "`"


def qualified(*parts: str) -> str:
    """`"database"."table"`."""
    return ".".join(identifier(part) for part in parts)


def literal(text: str) -> str:
    """`'text'`, with quotes inside doubled; a backslash is an ordinary character in Athena."""
    _refuse(text, "literal", empty=True)
    return "'" + text.replace("'", "''") + "'"


def mysql_literal(text: str) -> str:
    """`'text'` for MySQL and MariaDB, on one line.

    A text with a line end or a backslash is written as its bytes: only some SQL modes give the backslash a meaning.

    https://dev.mysql.com/doc/refman/8.4/en/string-literals.html
    """
    if "\\" in text or "\n" in text:
        _refuse(text, "literal", empty=True)
        return f"_utf8mb4 X'{text.encode().hex().upper()}'"
    return literal(text)


def redshift_literal(text: str) -> str:
    """`'text'` for Redshift. A backslash begins an escape there, so it is doubled, too.

    https://docs.aws.amazon.com/redshift/latest/dg/r_Examples_with_character_types.html
    """
    return literal(text).replace("\\", "\\\\")


def backslashed_literal(text: str) -> str:
    r"""`'text'` where a backslash begins an escape: Spark, Databricks, Snowflake. Spark would read `''` as two texts side by side.

    https://spark.apache.org/docs/3.5.6/sql-ref-literals.html#string-literal
    """
    _refuse(text, "literal", empty=True)
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dollar_quoted(text: str) -> str:
    """Returns the text between dollar quotes with a tag that it does not contain (for PostgreSQL's function bodies)."""
    _refuse(text, "literal", empty=True)
    tag = next(tag for tag in (f"$rds_lake{number or ''}$" for number in range(len(text) + 1)) if tag not in text)
    return f"{tag}\n{text}\n{tag}"


def date_literal(day: date) -> str:
    """`DATE '2026-11-20'`."""
    return f"DATE {literal(day.isoformat())}"


def _refuse(text: str, what: str, *, empty: bool) -> None:
    if "\x00" in text or not (text or empty):
        raise ValueError(f"{text!r} cannot be an SQL {what}")
