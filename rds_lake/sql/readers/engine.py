"""The interface of an engine that reads files, for DDL: its types and casts.

An invalid value of a type reads as NULL, as in Athena. Every cast from text is guarded by a pattern, since engines accept
different texts for the same type: `infinity`, `0044-03-15 BC`, `1.5` for an integer.

What belongs here: the interface. The rules of a column are `columns.py`, and each engine has a file.
"""

from __future__ import annotations

from typing import Protocol

from sqlglot import exp

from rds_lake.model.tables.table import Column
from rds_lake.sql.readers.tables import ReadDate, ReadFiles

_DAY = "[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = "[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]+)?)?"
_NUMBER = "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?"
# Patterns of the texts that Athena accepts for a type. Without backslashes and lazy parts, so that all engines read them alike.
PATTERNS = {
    "date": _DAY,
    "timestamp": f"{_DAY}( {_TIME})?",
    "zoned": f"{_DAY} {_TIME}[-+][0-9]{{2}}(:[0-9]{{2}})?",
    "boolean": "[Tt]|[Tt][Rr][Uu][Ee]|1|[Ff]|[Ff][Aa][Ll][Ss][Ee]|0",
    "decimal": f" *{_NUMBER} *",
    "real": f" *({_NUMBER}|[-+]?(NaN|Infinity)) *",
    "double": f" *({_NUMBER}|[-+]?(NaN|Infinity)) *",
} | dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), "[-+]?[0-9]+")

MICROSECONDS = "keeps microseconds, which Athena rounds to milliseconds"


class Engine(Protocol):
    """An engine that reads a table's files itself. All texts are SQL of the engine; `raw` is an expression for a column's value."""

    @property
    def dialect(self) -> str:
        """The engine's name in sqlglot."""
        ...

    @property
    def title(self) -> str: ...

    def identifier(self, name: str) -> str: ...

    def literal(self, text: str) -> str: ...

    def type(self, presto_type: str) -> str:
        """Returns the type of a view's column that has this type in Athena."""
        ...

    def column(self, name: str, file_type: str) -> str:
        """Returns the value of a column of the files that has this Hive type."""
        ...

    def matches(self, raw: str, pattern: str) -> str:
        """Returns the condition that the whole text matches the pattern."""
        ...

    def try_text(self, text: str, presto_type: str) -> str:
        """Returns the text in the type; NULL if the text is not a value of the type."""
        ...

    def try_value(self, value: str, before: str, presto_type: str) -> str:
        """Returns a value of one type in another type; NULL if that type has no such value."""
        ...

    def utc(self, text: str) -> str:
        """Returns a text with an offset as the time in UTC, without a zone."""
        ...

    def array(self, raw: str) -> str:
        """Returns PostgreSQL's text of an array as an array of texts; NULL if it is not a plain list."""
        ...

    def bits(self, raw: str, presto_type: str) -> str:
        """Returns big-endian bytes as a number."""
        ...

    def text(self, raw: str) -> str:
        """Returns UTF-8 bytes as text."""
        ...

    def moment(self, raw: str, column: Column) -> str:
        """Returns a date or time of the files, with early days as in the database."""
        ...

    def note(self, column: Column, presto_type: str) -> str:
        """Returns how the column differs from Athena's; empty if it does not."""
        ...

    def opening(self, read: ReadDate) -> list[str]:
        """Returns statements and comments to run before all tables."""
        ...

    def raw(self, read: ReadDate, files: ReadFiles, name: str) -> tuple[list[str], str]:
        """Returns the statements that create a raw table of that name over the files, and its name for queries."""
        ...


def built_type(presto_type: str, dialect: str) -> str:
    """Returns Trino's type as another dialect writes it, by sqlglot."""
    return exp.DataType.build(presto_type.replace("timestamp(3)", "timestamp"), dialect="trino").sql(dialect)


def in_comment(text: str) -> str:
    """Returns the text on one line, so that no name can end a comment."""
    return " ".join(text.splitlines())
