"""Finds the relations that a statement names: tables of the database, or the statement's own common tables."""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.athena.relations import quote
from rds_lake.localcloud.athena.sql.pruning import locate
from rds_lake.localcloud.athena.sql.with_clauses import names_a_common_table
from rds_lake.localcloud.redshift.engine.tables import TEMPORARY, RelationUse, TableName, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.sql.types import ColumnType

_PSEUDO = ("$path", "$size")


def bind(tree: exp.Expr, tables: Tables, database: str) -> None:
    """Resolve every table name of a query. StatementFailedError for a table that does not exist."""
    conditions = locate(tree)
    pseudo = any(column.name in _PSEUDO for column in tree.find_all(exp.Column))
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Identifier) and not names_a_common_table(table):
            schema = checked_schema(table, database)
            use = RelationUse(conditions=conditions.get(id(table), ()), pseudo=pseudo)
            outside = tables.outside(table.name, schema, use)
            if outside is None:
                resolved = tables.get(table.name, schema)
                columns: dict[str, ColumnType | None] = {c.name: c.kind for c in tables.columns(resolved)}
            else:
                resolved, columns = outside
                if pseudo:
                    _leave_out(table)
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
            kept = {part: table.args[part] for part in ("joins",) if table.args.get(part)}
            bound = relation(resolved)
            bound.set("alias", alias)
            for part, value in kept.items():
                bound.set(part, value)
            bound.meta["columns"] = columns or None
            table.replace(bound)


def _leave_out(table: exp.Table) -> None:
    """`*` does not include `$path` and `$size`."""
    select = table.find_ancestor(exp.Select)
    for item in select.expressions if select is not None else ():
        star = item.this if isinstance(item, exp.Column) else item
        if isinstance(star, exp.Star):
            star.set("except_", [exp.to_identifier(name, quoted=True) for name in _PSEUDO])


def relation(name: TableName) -> exp.Table:
    """Returns a table by its name in DuckDB."""
    if name.schema == TEMPORARY:
        return exp.table_(name.name, db="main", catalog="temp", quoted=True)
    return exp.table_(name.name, db=name.schema, quoted=True)


def checked_schema(table: exp.Table, database: str) -> str:
    """Returns the schema in front of a table name, empty for none. Another database cannot be named."""
    if table.catalog and table.catalog != database:
        raise StatementFailedError(
            f"The local cloud's limit, not Redshift's: {quote(table.catalog)} is another database"
        )
    return table.db
