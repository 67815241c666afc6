"""A failed statement with Redshift's error message; DuckDB's errors are translated."""

from __future__ import annotations

import re

import duckdb

from rds_lake.localcloud.redshift.sql.macros import RAISED

_RAISED = re.compile(re.escape(RAISED) + r"(.*)", re.DOTALL)
_NO_TABLE = re.compile(r'Table with name "?([\w.#]+)"? does not exist')
_NO_COLUMN = re.compile(
    r'(?:Referenced column|column named|Column with name) "?([^" ]+)"? |does not have a column (?:named|with name) "([^"]+)"'
)
_RANGE = re.compile(r"(?:destination type|addition of|subtraction of|multiplication of) (INT16|INT32|INT64|INT128)")
_NOT_NULL = re.compile(r"NOT NULL constraint failed: .*\.(\S+)")
_INTEGERS = {"INT16": "smallint", "INT32": "integer", "INT64": "bigint", "INT128": "bigint"}
_SERIALIZABLE = "Serializable isolation violation on table"


class StatementFailedError(Exception):
    """The text of `Error` in DescribeStatement, which begins with `ERROR: `."""

    def __init__(self, message: str) -> None:
        super().__init__(f"ERROR: {message}")


def not_here(what: str) -> StatementFailedError:
    """Returns the error for a feature of Redshift that the local cloud does not have."""
    return StatementFailedError(f"The local cloud's limit, not Redshift's: {what}")


def translate_error(error: duckdb.Error) -> StatementFailedError:
    """Returns DuckDB's error as Redshift's, if that is known; else the first line of DuckDB's."""
    message = str(error)
    if match := _RAISED.search(message):
        return StatementFailedError(match[1].split("\n\n")[0].strip())
    if match := _NO_TABLE.search(message):
        return StatementFailedError(f'relation "{match[1]}" does not exist')
    if match := _NO_COLUMN.search(message):
        return StatementFailedError(f'column "{match[1] or match[2]}" does not exist')
    if match := _RANGE.search(message):
        return StatementFailedError(f"{_INTEGERS[match[1]]} out of range")
    if "Division by zero" in message:
        return StatementFailedError("Divide by zero")
    if match := _NOT_NULL.search(message):
        return StatementFailedError(f"Cannot insert a NULL value into column {match[1]}")
    if "Casting" in message and "DECIMAL" in message:
        return StatementFailedError("Numeric data overflow (result precision)")
    if isinstance(error, duckdb.TransactionException) and "onflict" in message:
        return StatementFailedError(f"1023 DETAIL: {_SERIALIZABLE} - concurrent transactions changed the same rows")
    return StatementFailedError(message.splitlines()[0])
