"""What an engine that reads files has to say: its words for types and casts.

A value that is not a value of a type reads as NULL, as in Athena. Every cast from text is guarded by a pattern, since engines
take different texts for the same type: `infinity`, `0044-03-15 BC`, `1.5` for an integer.

What belongs here: what the engines have in common. The rules of a column are `columns.py`, each engine's words a file.
"""

from __future__ import annotations

from typing import Protocol

from sqlglot import exp

from rds_lake.model.tables.table import Column
from rds_lake.sql.readers.tables import ReadDate, ReadFiles

_DAY = "[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = "[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]+)?)?"
_NUMBER = "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?"
# What Athena takes for a value of a type, as a whole text. Without backslashes and lazy parts: every engine reads these alike.
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
    """An engine that reads a table's files itself. All text is SQL of the engine; `raw` is an expression of a column's value."""

    @property
    def dialect(self) -> str:
        """Its name in sqlglot."""
        ...

    @property
    def title(self) -> str: ...

    def identifier(self, name: str) -> str: ...

    def literal(self, text: str) -> str: ...

    def type(self, presto_type: str) -> str:
        """The type that a view's column of that type has."""
        ...

    def column(self, name: str, file_type: str) -> str:
        """The value of a column of the files, of a Hive type."""
        ...

    def matches(self, raw: str, pattern: str) -> str:
        """Whether the whole text is the pattern."""
        ...

    def try_text(self, text: str, presto_type: str) -> str:
        """A text as a type, NULL where it is none."""
        ...

    def try_value(self, value: str, before: str, presto_type: str) -> str:
        """A value of one type as another, NULL where that has none like it."""
        ...

    def utc(self, text: str) -> str:
        """A text with an offset as the time in UTC, without a zone."""
        ...

    def array(self, raw: str) -> str:
        """PostgreSQL's text of an array as an array of texts, NULL where it is no plain list."""
        ...

    def bits(self, raw: str, presto_type: str) -> str:
        """Big-endian bytes as a number."""
        ...

    def text(self, raw: str) -> str:
        """Bytes of UTF-8 as text."""
        ...

    def moment(self, raw: str, column: Column) -> str:
        """A date or time of the files, early days as they were in the database."""
        ...

    def note(self, column: Column, presto_type: str) -> str:
        """How the column differs from Athena's; "" where it does not."""
        ...

    def opening(self, read: ReadDate) -> list[str]:
        """Statements and comments before all tables."""
        ...

    def raw(self, read: ReadDate, files: ReadFiles, name: str) -> tuple[list[str], str]:
        """The statements that make a raw table of that name over the files, and how a query names it."""
        ...


def built_type(presto_type: str, dialect: str) -> str:
    """Trino's type as another dialect writes it: sqlglot knows the words."""
    return exp.DataType.build(presto_type.replace("timestamp(3)", "timestamp"), dialect="trino").sql(dialect)


def in_comment(text: str) -> str:
    """Text that ends no comment: one line, whatever a name has in it."""
    return " ".join(text.splitlines())
