"""The relations that a statement names: each is found in the database, or is one of its own common tables."""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.athena.relations import quote
from rds_lake.localcloud.athena.sql.with_clauses import names_a_common_table
from rds_lake.localcloud.redshift.engine.tables import TEMPORARY, TableName, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError


def bind(tree: exp.Expr, tables: Tables, database: str) -> None:
    """Point every table of a query at what it means; StatementFailedError for one that is not there."""
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Identifier) and not names_a_common_table(table):
            found = tables.get(table.name, checked_schema(table, database))
            columns = {column.name: column.kind for column in tables.columns(found)}
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
            kept = {part: table.args[part] for part in ("joins",) if table.args.get(part)}
            bound = relation(found)
            bound.set("alias", alias)
            for part, value in kept.items():
                bound.set(part, value)
            bound.meta["columns"] = columns
            table.replace(bound)


def relation(name: TableName) -> exp.Table:
    """A table as DuckDB names it."""
    if name.schema == TEMPORARY:
        return exp.table_(name.name, db="main", catalog="temp", quoted=True)
    return exp.table_(name.name, db=name.schema, quoted=True)


def checked_schema(table: exp.Table, database: str) -> str:
    """The schema that is written before a table, empty for none; another database cannot be named."""
    if table.catalog and table.catalog != database:
        raise StatementFailedError(
            f"The local cloud's limit, not Redshift's: {quote(table.catalog)} is another database"
        )
    return table.db
