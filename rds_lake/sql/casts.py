"""Casts of raw columns in a view: the expression, its type, and a condition for values that the cast loses.

What belongs here: casts that are the same for every engine. The rules are `postgres_types.py` and `mysql_types.py`, the choice
between them is `view_columns.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.model.tables.table import Column
from rds_lake.sql.quoting import literal

# Fraction digits up to the last that is not zero.
_FRACTION = literal(r"\.([0-9]*[1-9])")
_LARGEST_DOUBLE = "1.7976931348623157E308"


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """An SQL expression and its Presto type. `loss`: an SQL condition, or None if nothing can be lost."""

    expression: str
    presto_type: str
    loss: str | None = None


def original_word(column: Column) -> str:
    """Returns the database's name of the column's type in one spelling; empty if AWS did not announce it."""
    return (column.original_type or "").strip().lower()


def from_text(raw: str, presto_type: str) -> Typed:
    """Returns TRY_CAST of a text. A decimal also loses fraction digits beyond its scale, except trailing zeros.

    A number that is too large for a double or real becomes infinite, and counts as lost.
    """
    if presto_type == "varchar":
        return Typed(expression=raw, presto_type=presto_type)
    expression = f"TRY_CAST({raw} AS {presto_type})"
    lost = f"{raw} IS NOT NULL AND {expression} IS NULL"
    if presto_type.startswith("decimal"):
        scale = presto_type.removesuffix(")").split(",")[1]
        significant = f"regexp_extract({raw}, {_FRACTION}, 1)"
        lost = f"({lost}) OR COALESCE(length({significant}), 0) > {scale}"
    if presto_type in ("double", "real"):
        is_number = f"strpos({raw}, {literal('Infinity')}) + strpos({raw}, {literal('NaN')}) = 0"
        lost = f"({lost}) OR COALESCE(abs({expression}) > {_LARGEST_DOUBLE} AND {is_number}, FALSE)"
    return Typed(expression=expression, presto_type=presto_type, loss=lost)


def from_native(native: Typed, presto_type: str) -> Typed:
    """Returns TRY_CAST of a value that is not text. A value also counts as lost if casting it back gives another value.

    Raises ValueError if Athena has no such cast.
    """
    family = _family(native.presto_type)
    if family is None or _family(presto_type) not in (family, "text"):
        raise ValueError(f"Athena casts no {native.presto_type} to {presto_type}")
    expression = f"TRY_CAST({native.expression} AS {presto_type})"
    changed = f"TRY_CAST({expression} AS {native.presto_type}) IS DISTINCT FROM {native.expression}"
    loss = f"({native.loss}) OR {changed}" if native.loss else changed
    return Typed(expression=expression, presto_type=presto_type, loss=loss)


def _family(presto_type: str) -> str | None:
    """Returns the group of types that cast into each other; every group casts to text.

    None: binary and nested types have no casts.
    """
    word = presto_type.split("(")[0]
    if word in ("date", "timestamp"):
        return "time"
    if word == "varchar":
        return "text"
    numbers = ("boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal")
    return "number" if word in numbers else None
