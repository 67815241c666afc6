"""Counts the rows of a live database with as little load as possible.

Tables are counted one at a time. A table that the database's own statistics estimate as large is not counted: the estimate is
returned.

What belongs here: the counts. `stages/checks/verify.py` compares them with a snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.database.read_only import ReadOnly, StatementError
from rds_lake.model.tables.table import TableTarget

_WHY = {
    "42501": "the user may not read it",
    "42P01": "it is gone",
    "3F000": "its schema is gone",
    "1142": "the user may not read it",
    "1146": "it is gone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """The number of rows of a table: counted, estimated by the database, or unknown for the reason `why`."""

    rows: int | None
    exact: bool = True
    why: str = ""


def count_rows(session: ReadOnly, targets: Sequence[TableTarget], *, exact_below: int) -> dict[TableTarget, RowCount]:
    """Returns the number of rows of every table, or the reason why a table cannot be counted."""
    counts: dict[TableTarget, RowCount] = {}
    estimates = session.estimates()
    for target in targets:
        estimate = estimates.get((target.schema, target.table), -1)
        if estimate >= exact_below:
            counts[target] = RowCount(rows=estimate, exact=False)
        else:
            counts[target] = _counted(session, target)
    return counts


def _counted(session: ReadOnly, target: TableTarget) -> RowCount:
    try:
        return RowCount(rows=session.count(target))
    except StatementError as error:
        why = "counting took too long" if error.is_timeout else _WHY.get(error.code, str(error))
        return RowCount(rows=None, why=why)
