"""CREATE, DROP and ALTER of tables, schemas and views."""

from __future__ import annotations

import duckdb
from sqlglot import exp

from rds_lake.localcloud.athena.relations import quote, text
from rds_lake.localcloud.redshift.engine.changing import Changing
from rds_lake.localcloud.redshift.engine.names import bind, checked_schema
from rds_lake.localcloud.redshift.engine.tables import TEMPORARY, Column, TableName, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.spectrum.relations import Spectrum
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.rules import AGGREGATE_NAMES, as_type
from rds_lake.localcloud.redshift.sql.translate import duck_text, translate
from rds_lake.localcloud.redshift.sql.types import ColumnType, read_type

# Accepted without an effect: where Redshift stores rows, and keys that it does not enforce.
_PLACING = (exp.DistKeyProperty, exp.SortKeyProperty, exp.DistStyleProperty, exp.BackupProperty, exp.TemporaryProperty)
_UNENFORCED = (
    exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.Reference, exp.EncodeColumnConstraint,
)  # fmt: skip
_NOW = (exp.CurrentTimestamp, exp.CurrentDate)
_KEYS = (exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint, exp.Constraint)


class Defining:
    """Executes these statements in one session."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Tables,
        database: str,
        changing: Changing,
        spectrum: Spectrum,
    ) -> None:
        self._connection, self._tables, self._database, self._changing = connection, tables, database, changing
        self._spectrum = spectrum

    def create(self, tree: exp.Create) -> int:
        """Execute CREATE; returns the number of stored rows: of CREATE TABLE AS, else 0."""
        kind = (tree.kind or "").upper()
        if kind == "SCHEMA":
            return self._schema(tree)
        if kind == "VIEW":
            return self._view(tree)
        if kind != "TABLE":
            raise not_here(f"CREATE {kind} is not supported")
        if tree.args.get("replace"):
            raise StatementFailedError("syntax error: CREATE OR REPLACE TABLE is not supported")
        given = tree.args.get("properties")
        strange = [p for p in (given.expressions if given else ()) if not isinstance(p, _PLACING)]
        if strange:
            raise not_here(f"{strange[0].sql('redshift')} of a table is not supported")
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        temporary = given is not None and any(isinstance(p, exp.TemporaryProperty) for p in given.expressions)
        name = self._new_name(table, temporary=temporary)
        if tree.expression is not None:
            if isinstance(tree.this, exp.Schema) and tree.this.expressions:
                raise not_here("column names of CREATE TABLE AS are not supported: name the columns in the query")
            return self._changing.create_as(name, tree.expression)
        columns = self._columns(tree.this)
        self._tables.create(name, columns, missing_only=bool(tree.args.get("exists")))
        return 0

    def _new_name(self, table: exp.Table, *, temporary: bool) -> TableName:
        if temporary or table.name.startswith("#"):
            return TableName(schema=TEMPORARY, name=table.name)
        schema = checked_schema(table, self._database) or self._tables.search_path[0]
        if schema not in self._tables.schemas():
            raise StatementFailedError(f'schema "{schema}" does not exist')
        if self._spectrum.find(schema) is not None:
            raise StatementFailedError("Operations on local objects in external schema are not enabled.")
        return TableName(schema=schema, name=table.name)

    def _columns(self, schema: exp.Expr) -> list[Column]:
        columns: list[Column] = []
        for part in schema.expressions:
            if isinstance(part, exp.LikeProperty):
                source = self._tables.get(part.this.name, checked_schema(part.this, self._database))
                if part.expressions:
                    raise not_here(f"{part.sql('redshift')} is not supported")
                columns += [Column(name=c.name, kind=c.kind, nullable=c.nullable) for c in self._tables.columns(source)]
            elif isinstance(part, exp.ColumnDef):
                columns.append(self._column(part))
            elif not isinstance(part, _KEYS):
                raise not_here(f"{part.sql('redshift')} in CREATE TABLE is not supported")
        return columns

    def _column(self, part: exp.ColumnDef) -> Column:
        kind = part.args.get("kind")
        if not isinstance(kind, exp.DataType):
            raise StatementFailedError(f'column "{part.name}" has no type')
        declared = read_type(kind)
        nullable, default = True, None
        for constraint in part.args.get("constraints") or ():
            rule = constraint.kind
            if isinstance(rule, exp.NotNullColumnConstraint):
                nullable = bool(rule.args.get("allow_null"))
            elif isinstance(rule, exp.DefaultColumnConstraint):
                default = self._default(rule.this.copy(), declared)
            elif isinstance(rule, exp.PrimaryKeyColumnConstraint):
                nullable = False
            elif not isinstance(rule, _UNENFORCED):
                raise not_here(f"{rule.sql('redshift')} of a column is not supported")
        return Column(name=part.name, kind=declared, nullable=nullable, default=default)

    def _default(self, value: exp.Expr, kind: ColumnType) -> str:
        """Returns a default as DuckDB's SQL: its constant value, or an expression if it contains the current time."""
        types = Oracle(self._connection, AGGREGATE_NAMES)
        now = any(isinstance(node, _NOW) or node.name.lower() == "getdate" for node in value.walk())
        expression = duck_text(as_type(translate(exp.Paren(this=value), types), kind, types))
        if now:
            return expression
        row = self._connection.execute(f"SELECT CAST({expression} AS VARCHAR)").fetchone()
        return "NULL" if row is None or row[0] is None else f"CAST({text(row[0])} AS {kind.duck})"

    def _schema(self, tree: exp.Create) -> int:
        name = tree.this.db or tree.this.name
        if name in self._tables.schemas():
            if tree.args.get("exists"):
                return 0
            raise StatementFailedError(f'schema "{name}" already exists')
        self._connection.execute(f"CREATE SCHEMA {quote(name)}")
        return 0

    def _view(self, tree: exp.Create) -> int:
        name = self._new_name(tree.this, temporary=False)
        query = tree.expression
        given = tree.args.get("properties")
        if tree.args.get("no_schema_binding"):
            raise not_here("a view WITH NO SCHEMA BINDING is not supported")
        if given is not None:
            raise not_here(f"CREATE {given.expressions[0].sql('redshift')} VIEW is not supported")
        if any(self._spectrum.find(table.db) is not None for table in query.find_all(exp.Table)):
            raise StatementFailedError(
                "External tables are not supported in views Hint: Please use late binding view and add 'with no schema binding' at "
                "the query end."
            )
        bind(query, self._tables, self._database)
        body = duck_text(translate(query, Oracle(self._connection, AGGREGATE_NAMES)))
        how = "CREATE OR REPLACE VIEW" if tree.args.get("replace") else "CREATE VIEW"
        self._connection.execute(f"{how} {name.sql} AS {body}")
        return 0

    def drop(self, tree: exp.Drop) -> int:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_DROP_TABLE.html"""
        kind = (tree.kind or "").upper()
        if kind not in ("TABLE", "VIEW", "SCHEMA"):
            raise not_here(f"DROP {kind} is not supported")
        for target in tree.args.get("tables") or ([tree.this] if tree.this is not None else []):
            self._drop(kind, target, missing_too=bool(tree.args.get("exists")), cascade=bool(tree.args.get("cascade")))
        return 0

    def _drop(self, kind: str, target: exp.Expr, *, missing_too: bool, cascade: bool) -> None:
        if kind == "SCHEMA":
            name = target.args["db"].name if target.args.get("db") else target.name
            if name not in self._tables.schemas():
                if missing_too:
                    return
                raise StatementFailedError(f'schema "{name}" does not exist')
            self._spectrum.forget(name)
            self._connection.execute(f"DROP SCHEMA {quote(name)}{' CASCADE' if cascade else ''}")
            return
        relation = self._tables.find(target.name, checked_schema(target, self._database))  # type: ignore[arg-type]
        if relation is None:
            if missing_too:
                return
            raise StatementFailedError(f'{kind.capitalize()} "{target.name}" does not exist')
        self._connection.execute(f"DROP {kind} {relation.sql}")

    def _add(self, name: TableName, column: Column) -> None:
        if not column.nullable and column.default is None:
            raise StatementFailedError(
                "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
            )
        default = f" DEFAULT {column.default}" if column.default else ""
        self._connection.execute(f"ALTER TABLE {name.sql} ADD COLUMN {quote(column.name)} {column.kind.duck}{default}")
        if not column.nullable:
            self._connection.execute(f"ALTER TABLE {name.sql} ALTER COLUMN {quote(column.name)} SET NOT NULL")
        self._tables.declare(name, column)

    def alter(self, tree: exp.Alter) -> int:
        """RENAME TO, RENAME COLUMN, ADD COLUMN, DROP COLUMN: https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html"""
        table = tree.this
        name = self._tables.get(table.name, checked_schema(table, self._database))
        for action in tree.args.get("actions") or ():
            if isinstance(action, exp.AlterRename):
                self._connection.execute(f"ALTER TABLE {name.sql} RENAME TO {quote(action.this.name)}")
            elif isinstance(action, exp.RenameColumn):
                old, new = quote(action.this.name), quote(action.args["to"].name)
                self._connection.execute(f"ALTER TABLE {name.sql} RENAME COLUMN {old} TO {new}")
            elif isinstance(action, exp.ColumnDef):
                self._add(name, self._column(action))
            elif isinstance(action, exp.Drop) and action.kind == "COLUMN":
                self._connection.execute(f"ALTER TABLE {name.sql} DROP COLUMN {quote(action.args['tables'][0].name)}")
            else:
                raise not_here(f"ALTER TABLE {action.sql('redshift')} is not supported")
        return 0
