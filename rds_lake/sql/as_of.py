"""Rewrites a query to read another snapshot date: each view is replaced by a subquery that reads it at that date.

    SELECT o.total FROM shop.orders o    ->  SELECT o.total FROM (SELECT … WHERE "snapshot_date" = '…') o
    SELECT orders.id FROM "orders"       ->  SELECT orders.id FROM (SELECT …) AS "orders"

sqlglot parses the query (Athena's SELECT is Trino's) and finds the names of tables; the text around those names is kept
unchanged. The result is parsed again, and must read only raw tables. A query that cannot be rewritten with certainty is
refused with a sentence.

What belongs here: the rewriting. The SELECT of a view at a date is `sql/views.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from rds_lake.errors import AsOfError
from rds_lake.model.tables.names import AthenaTable
from rds_lake.sql.quoting import identifier
from rds_lake.sql.view_columns import ViewColumn
from rds_lake.sql.views import MAX_STATEMENT_BYTES, render_select

_CATALOG = "awsdatacatalog"
_DIALECT = "trino"
_BEGINS = (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN)
_BEFORE_A_TABLE = (TokenType.FROM, TokenType.JOIN, TokenType.COMMA, TokenType.L_PAREN)


@dataclass(frozen=True, slots=True)
class _Edit:
    """Characters `start` to `end` (exclusive) of the query become `text`."""

    start: int
    end: int
    text: str


def render_as_of(
    query: str, database: str, tables: Sequence[tuple[AthenaTable, Sequence[ViewColumn]]], day: date
) -> str:
    """Returns the query rewritten to read the date `day`; `tables` are the tables of that date.

    Raises AsOfError, which lists everything that cannot be read as of a date.
    """
    tree, before = _parse(query)
    views = {names.view: render_select(database, names, columns, day) for names, columns in tables}
    problems = _qualified_columns(tree, database, views)
    edits: list[_Edit] = []
    for table in _tables_read(tree):
        view = _view_name(table, database)
        edit = _edit(query, table, views[view], before) if view in views else None
        if edit is None:
            problems.append(_problem(table, day, known=view in views))
        else:
            edits.append(edit)
    if problems:
        raise AsOfError(f"the query cannot be read as of {day}; it was not run:", sorted(set(problems)))
    rewritten = _apply(query, edits)
    _verify(rewritten, database, {names.raw for names, _ in tables}, expected=len(edits))
    if len(rewritten.encode()) > MAX_STATEMENT_BYTES:
        raise AsOfError(
            f"as of {day} the query would have {len(rewritten.encode()):,} bytes, and Athena allows {MAX_STATEMENT_BYTES:,}; "
            "name each wide view only once, in a WITH clause"
        )
    return rewritten


def views_read(query: str, database: str) -> frozenset[str]:
    """Returns the views of the database that the query reads. Raises AsOfError if the query is not a single SELECT."""
    tree, _ = _parse(query)
    return frozenset(_view_name(table, database) for table in _tables_read(tree)) - {""}


def _parse(query: str) -> tuple[exp.Query, Mapping[int, TokenType]]:
    """Returns the parsed SELECT, and the type of the token before each token, by the token's position."""
    try:
        tokens: list[Token] = sqlglot.tokenize(query, read=_DIALECT)
        trees = sqlglot.parse(query, read=_DIALECT) if tokens and tokens[0].token_type in _BEGINS else []
    except SqlglotError as error:
        reason = str(error).splitlines()[0]
        raise AsOfError(f"the query cannot be read as of a date, as it cannot be parsed: {reason}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise AsOfError("only one SELECT (or WITH … SELECT) can be read as of a date")
    return trees[0], {after.start: token.token_type for token, after in pairwise(tokens)}


def _tables_read(tree: exp.Query) -> list[exp.Table]:
    """Returns every table reference except names that the query's own WITH clauses define."""
    return [table for table in tree.find_all(exp.Table) if not _is_cte(table)]


def _is_cte(table: exp.Table) -> bool:
    """Whether an enclosing WITH clause defines the name. A definition sees the names before it, not its own."""
    if table.args.get("db"):
        return False
    child: exp.Expr = table
    node = table.parent
    while node is not None:
        if isinstance(node, exp.With):
            if table.name.lower() in _names_before(node, child):
                return True
            # A definition does not see the other names of its own SELECT: continue outside of it.
            child = node.parent or node
        else:
            clause = node.args.get("with_")
            if isinstance(clause, exp.With) and table.name.lower() in _names_before(clause, None):
                return True
            child = node
        node = child.parent
    return False


def _names_before(clause: exp.With, definition: exp.Expr | None) -> set[str]:
    """Returns the names of the WITH clause that its definition may use (with RECURSIVE also its own); None: all names."""
    names: set[str] = set()
    for cte in clause.expressions:
        if cte is definition:
            return names | ({cte.alias.lower()} if clause.args.get("recursive") else set())
        names.add(cte.alias.lower())
    return names


def _view_name(table: exp.Table, database: str) -> str:
    """Returns the name within the source's database, in lower case as in Athena; empty if it is not such a name."""
    catalog, schema = table.catalog.lower(), table.db.lower()
    is_own = catalog in ("", _CATALOG) and schema in ("", database) and isinstance(table.this, exp.Identifier)
    return table.name.lower() if is_own and not table.args.get("version") else ""


def _edit(query: str, table: exp.Table, select: str, before: Mapping[int, TokenType]) -> _Edit | None:
    """Returns the edit that puts the SELECT in place of the name and keeps the alias; None if a SELECT cannot stand there."""
    parts = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    start, end = parts[0].meta.get("start", -1), parts[-1].meta.get("end", -2) + 1
    spelled = all(_spells(query, part) for part in parts)
    if not spelled or before.get(start) not in _BEFORE_A_TABLE:
        return None
    alias = "" if table.alias else f" AS {identifier(table.name)}"
    return _Edit(start, end, f"(\n{select}\n){alias}")


def _spells(query: str, part: exp.Expr) -> bool:
    """Whether the query has the name at the position that sqlglot reports."""
    start, end = part.meta.get("start", 0), part.meta.get("end", -1) + 1
    return query[start:end] in (part.name, identifier(part.name))


def _apply(query: str, edits: Sequence[_Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: -edit.start):
        query = query[: edit.start] + edit.text + query[edit.end :]
    return query


def _verify(rewritten: str, database: str, raw: set[str], *, expected: int) -> None:
    """Parses the rewritten query: it must be one SELECT that reads exactly the expected raw tables."""
    tree, _ = _parse(rewritten)
    read = [(table.db, table.name) for table in _tables_read(tree)]
    if len(read) != expected or any(schema != database or name not in raw for schema, name in read):
        raise AsOfError(f"the query as of a date would read {read}, which is not what it asks; please report the query")


def _qualified_columns(tree: exp.Query, database: str, views: Mapping[str, str]) -> list[str]:
    """Returns problems of columns written as database.view.column: the view is then no longer a table of the database."""
    return [
        f"{column.sql(_DIALECT)}: write {column.table}.{column.name}, without the database"
        for column in tree.find_all(exp.Column)
        if column.db.lower() == database and column.table.lower() in views
    ]


def _problem(table: exp.Table, day: date, *, known: bool) -> str:
    parts = (table.args.get("catalog"), table.args.get("db"), table.this)
    name = ".".join(part.sql(_DIALECT, comments=False) for part in parts if part)
    if known:
        return f"{name}: write it as FROM or JOIN followed by the view's name"
    return f"{name} is not a view of the source that {day} has; only its views can be read as of a date"
