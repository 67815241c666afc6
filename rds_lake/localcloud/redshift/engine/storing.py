"""Stores values in columns: cast as in an assignment, and refused if they are too long.

(https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html: sizes are bytes, and only blanks are cut)
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.sql.building import call, cast, number, text
from rds_lake.localcloud.redshift.sql.decimals import FLOATS
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.rules import as_type
from rds_lake.localcloud.redshift.sql.types import VARBYTE

_SOURCE = "lc_source"


def stored(value: exp.Expr, column: Column, types: Oracle) -> exp.Expr:
    """Returns a translated value for storing in a column."""
    kind = column.kind
    given = types.of(value)
    if kind.word == VARBYTE:
        return call("lc_store_bytes", as_type(value, kind, types), number(kind.size), text(str(kind)))
    if kind.word == "super" and given == "VARCHAR":
        raise not_here("text in a SUPER column is not supported: SUPER comes from COPY")
    if not kind.is_text:
        return as_type(value, kind, types)
    shown = value if given == "VARCHAR" else call("lc_float_text", value) if given in FLOATS else cast(value, "VARCHAR")
    check = "lc_store_char" if kind.is_char else "lc_store_varchar"
    return call(check, shown, number(kind.size), text(str(kind)))


def stored_query(query: exp.Expr, columns: Sequence[Column], types: Oracle) -> exp.Select:
    """Returns the rows of a translated query for storing in columns, in their order."""
    names = [f"lc_{number_}" for number_ in range(len(columns))]
    alias = exp.TableAlias(this=exp.to_identifier(_SOURCE), columns=[exp.to_identifier(name) for name in names])
    source = exp.Subquery(this=query, alias=alias)
    select = exp.select(*(exp.column(name, _SOURCE) for name in names)).from_(source)
    given = list(select.expressions)
    values = [stored(item, column, types) for item, column in zip(given, columns, strict=True)]
    select.set("expressions", [exp.alias_(m, c.name, quoted=True) for m, c in zip(values, columns, strict=True)])
    return select


def check_count(given: int, columns: int) -> None:
    """StatementFailedError if an INSERT has more or fewer values than columns."""
    if given > columns:
        raise StatementFailedError("INSERT has more expressions than target columns")
    if given < columns:
        raise StatementFailedError("INSERT has more target columns than expressions")
