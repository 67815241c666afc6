"""A failed query with Athena's error messages and codes; DuckDB's errors are translated."""

from __future__ import annotations

import re

import duckdb

_RAISED = re.compile(r"Invalid Input Error: ([A-Z][A-Z_]{4,}): (.*)", re.DOTALL)
_NO_COLUMN = re.compile(
    r'(?:column|Column) (?:named )?"([^"]+)" (?:not found|that|does not|cannot)|'
    r'Table "[^"]*" does not have a column named "([^"]+)"'
)
_NO_FUNCTION = re.compile(
    r"(?:Scalar|Aggregate|Table|Macro)? ?Function with name \"?(\w+)\"? does not exist", re.IGNORECASE
)


class QueryFailedError(Exception):
    """`CODE: message`, as StateChangeReason has it. Category 2: the user's fault; 1: the system's."""

    def __init__(self, code: str, message: str, *, category: int = 2) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.category = category


def column_not_found(name: str) -> QueryFailedError:
    """Returns the error for a column that no relation has."""
    return QueryFailedError(
        "COLUMN_NOT_FOUND",
        f"line 1:8: Column '{name}' cannot be resolved or requester is not authorized to access requested resources",
    )


def translate_error(error: duckdb.Error) -> QueryFailedError:
    """Returns DuckDB's error as Athena's."""
    message = str(error)
    if match := _RAISED.search(message):
        return QueryFailedError(match[1], match[2].strip().split("\n\n")[0])
    if "Division by zero" in message:
        return QueryFailedError("DIVISION_BY_ZERO", "Division by zero")
    if match := _NO_COLUMN.search(message):
        return column_not_found(match[1] or match[2])
    first = message.splitlines()[0]
    if match := _NO_FUNCTION.search(message):
        return QueryFailedError("FUNCTION_NOT_FOUND", f"line 1:8: Function '{match[1]}' not registered")
    if isinstance(error, duckdb.ConversionException):
        return QueryFailedError("INVALID_CAST_ARGUMENT", first.removeprefix("Conversion Error: "))
    if isinstance(error, duckdb.OutOfRangeException):
        return QueryFailedError("NUMERIC_VALUE_OUT_OF_RANGE", first.removeprefix("Out of Range Error: "))
    if isinstance(error, duckdb.ParserException | duckdb.CatalogException):
        return QueryFailedError("SYNTAX_ERROR", f"line 1:1: {first}")
    if isinstance(error, duckdb.BinderException):
        code = "TYPE_MISMATCH" if "No function matches" in message or "Cannot compare" in message else "SYNTAX_ERROR"
        return QueryFailedError(code, f"line 1:8: {first.removeprefix('Binder Error: ')}")
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryFailedError("EXCEEDED_LOCAL_MEMORY_LIMIT", first)
    return QueryFailedError("GENERIC_INTERNAL_ERROR", first, category=1)
