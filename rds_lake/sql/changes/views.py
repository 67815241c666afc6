"""The three views of a table's changes: `changes_<table>`, `<table>_live`, `<table>_history`.

What belongs here: whole statements. Which rows are live is `state.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.errors import CatalogError
from rds_lake.model.tables.names import PARTITION_KEY
from rds_lake.sql.changes.arrived import Moment, render_arrived_rows
from rds_lake.sql.changes.state import CUT, OMITTED, render_rows
from rds_lake.sql.changes.table import EPOCH_KEY, ChangedColumn, ChangedTable, Watermark, array_of, free_names
from rds_lake.sql.quoting import date_literal, identifier, literal, qualified
from rds_lake.sql.views import MAX_STATEMENT_BYTES, MAX_STORED_CHARACTERS

_OPS = (("I", "insert"), ("U", "update"), ("D", "delete"), ("T", "truncate"))
_STORED = 1.05 * 4 / 3  # Athena formats a statement anew, and keeps it as base64


def render_live(database: str, table: ChangedTable, mark: Watermark | Moment, cut: int) -> str:
    """Renders the view of the table as of the cut: the snapshot's rows, with the later changes up to the cut.

    Its columns are those of the table's own view, then `live_cut` (the cut of the row's last change since the snapshot)
    and `live_omitted` (columns that are NULL because their values were too large to be captured). Raises CatalogError
    if the statement is too long for Athena.
    """
    if isinstance(mark, Moment):
        clause, rows = render_arrived_rows(database, table, mark, cut)
    else:
        clause, rows = render_rows(database, table, mark, f'{mark.outside(database)}\n    AND "cut" <= {cut}')
    typed = [column.typed() for column in table.columns]
    live_cut, live_omitted = free_names(
        ["live_cut", "live_omitted"], [*(view_column.alias for view_column in typed), PARTITION_KEY]
    )
    listed = "".join(f"  {view_column.expression} AS {identifier(view_column.alias)},\n" for view_column in typed)
    select = (
        f"{clause}\nSELECT\n{listed}"
        f"  {identifier(CUT)} AS {identifier(live_cut)},\n"
        f"  {identifier(OMITTED)} AS {identifier(live_omitted)},\n"
        f"  {date_literal(mark.day)} AS {identifier(PARTITION_KEY)}\n"
        f"FROM (\n{rows}\n) live_rows"
    )
    return _view(database, table.live, select)


def live_columns(table: ChangedTable) -> list[str]:
    """Returns the names of the live view's columns."""
    aliases = [column.alias for column in table.columns]
    return [*aliases, *free_names(["live_cut", "live_omitted"], [*aliases, PARTITION_KEY]), PARTITION_KEY]


def render_changes(database: str, table: ChangedTable) -> str:
    """Renders the view of all compacted changes: their meta columns, then each column after (`new_`) and before (`old_`)."""
    meta = f'  {identifier(EPOCH_KEY)} AS "epoch",\n  "cut",\n  "seq",\n  "op",\n  "at",\n  "xid",\n  "omitted"'
    meta += ',\n  "id",\n  "arrived"' if table.arrives else ""
    rows = f"FROM {qualified(database, table.raw)}\nWHERE {table.counted}"
    return _view(database, table.changes, f"SELECT\n{meta}{_images(table.columns)}\n{rows}")


def render_history(database: str, table: ChangedTable, epoch: str, cut: int) -> str:
    """Renders the view of the changed values of each row, up to the cut of the epoch; of earlier epochs all changes.

    The key's columns keep their names. `changed` lists the columns whose values differ; NULL for an insert or delete.
    `omitted` lists columns that are NULL before and after because their values were too large to be captured: whether
    they changed is not known.
    """
    keys = [column.alias for column in table.keys]
    when, what, changed, omitted, transaction, at_cut, seq, of_epoch = free_names(
        ["changed_at", "change", "changed", "omitted", "transaction_id", "cut", "seq", "epoch"], keys
    )
    words = " ".join(f"WHEN {literal(op)} THEN {literal(word)}" for op, word in _OPS)
    key = "".join(
        f"  COALESCE({column.typed('new_').expression}, {column.typed('old_').expression}) AS {identifier(column.alias)},\n"
        for column in table.keys
    )
    select = (
        f'SELECT\n{key}  "at" AS {identifier(when)},\n  CASE "op" {words} END AS {identifier(what)},\n'
        f"  CASE WHEN \"op\" = 'U' THEN {_changed(table.columns)} END AS {identifier(changed)},\n"
        f'  "omitted" AS {identifier(omitted)},\n'
        f'  "xid" AS {identifier(transaction)},\n  "cut" AS {identifier(at_cut)},\n  "seq" AS {identifier(seq)},\n'
        f"  {identifier(EPOCH_KEY)} AS {identifier(of_epoch)}{_images(table.columns)}\n"
        f"FROM {qualified(database, table.raw)}\n"
        f'WHERE {table.counted}\n  AND ({identifier(EPOCH_KEY)} <> {literal(epoch)} OR "cut" <= {cut})'
    )
    return _view(database, table.history, select)


def _images(columns: Sequence[ChangedColumn]) -> str:
    typed = [column.typed(prefix) for column in columns for prefix in ("old_", "new_")]
    return "".join(f",\n  {view_column.expression} AS {identifier(view_column.alias)}" for view_column in typed)


def _changed(columns: Sequence[ChangedColumn]) -> str:
    """Returns an expression for the list of the columns whose raw values differ."""
    each = [
        f"CASE WHEN {identifier(c.new)} IS DISTINCT FROM {identifier(c.old)} THEN {literal(c.alias)} END"
        for c in columns
    ]
    return f"filter({array_of(each)}, {identifier('each name')} -> {identifier('each name')} IS NOT NULL)"


def _view(database: str, name: str, select: str) -> str:
    statement = f"CREATE OR REPLACE VIEW {qualified(database, name)} AS\n{select}"
    if len(statement.encode()) > MAX_STATEMENT_BYTES or len(select) * _STORED > MAX_STORED_CHARACTERS:
        raise CatalogError(
            f"view {database}.{name} would be a statement of {len(statement.encode()):,} bytes, which is more than Athena or Glue "
            f"take; capture fewer columns, or read its raw table"
        )
    return statement
