"""Reads why a load failed from Redshift: file, line and column.

https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
"""

from __future__ import annotations

from dataclasses import replace

from rds_lake.aws.warehouse.redshift_data import StatementState
from rds_lake.model.warehouse.orders import Section
from rds_lake.model.warehouse.record import Piece
from rds_lake.stages.warehouse.work.run_context import RunContext

_MOST = 5


def ask(piece: Piece, error: str, query: int | None) -> Piece | None:
    """Returns the piece with a statement that reads the error's details next; None if the failed statement has no id."""
    return None if query is None else replace(piece, error=error, asking=query, statement=None)


def question(query: int) -> Section:
    """Returns the statement that reads the details of the failed one."""
    sql = (
        "SELECT file_name, line_number, column_name, column_type, error_message FROM sys_load_error_detail "
        f"WHERE query_id = {int(query)} ORDER BY start_time, line_number LIMIT {_MOST}"
    )
    return Section(sqls=(sql,))


def answered(piece: Piece, state: StatementState, context: RunContext) -> str:
    """Returns the error with its details, or without them if Redshift has none or denies access."""
    if not state.is_good:
        return piece.error or ""
    lines = [
        f"{str(file).strip()} line {line}, column {str(column).strip() or '?'} ({str(kind).strip()}): {str(message).strip()}"
        for file, line, column, kind, message in context.data.rows(state.parts[0].id)
    ]
    return "\n  - ".join([piece.error or "", *lines])
