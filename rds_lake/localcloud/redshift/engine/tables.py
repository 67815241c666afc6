"""The tables of a database as DuckDB stores them. A column's declared type is stored as its comment, so that transactions and DROP
apply to it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from rds_lake.localcloud.athena.relations import quote, text
from rds_lake.localcloud.athena.sql.pruning import Condition
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.sql.types import ColumnType, shown_type, type_of_duck

TEMPORARY = "pg_temp"
SYSTEM = "lc_system"
_OWN = ("main", "information_schema", "pg_catalog", SYSTEM)
# https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html
MOST_COLUMNS = 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table or of a result. `default`: DuckDB's text of it."""

    name: str
    kind: ColumnType
    nullable: bool = True
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableName:
    """A table's schema, `pg_temp` for a temporary one, and its name."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        return (
            f"temp.main.{quote(self.name)}" if self.schema == TEMPORARY else f"{quote(self.schema)}.{quote(self.name)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationUse:
    """How a query uses one relation: conditions on its rows, and whether `$path` or `$size` is read."""

    conditions: tuple[Condition, ...] = ()
    pseudo: bool = False


# Given the name and schema (empty for none) of a system view or external table: the table that has its rows, and its columns' types.
Outside = Callable[[str, str, RelationUse], "tuple[TableName, dict[str, ColumnType | None]] | None"]


def _nothing(name: str, schema: str, use: RelationUse) -> None:
    return None


class Tables:
    """The tables that one session sees."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.search_path: tuple[str, ...] = ("public",)
        # System views and external tables, which are made for the statement that names them.
        self.outside: Outside = _nothing

    def schemas(self) -> list[str]:
        """Returns the names of the schemas that statements may use."""
        rows = self._connection.execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'memory'"
        ).fetchall()
        return sorted(name for (name,) in rows if name not in _OWN)

    def find(self, name: str, schema: str = "") -> TableName | None:
        """Returns a table or view by its name: temporary ones first, then along the search path."""
        places = [schema] if schema else [TEMPORARY, *self.search_path]
        for place in places:
            if self._exists(place, name):
                return TableName(schema=place, name=name)
        return None

    def get(self, name: str, schema: str = "") -> TableName:
        """Returns a table or view as `find` does. StatementFailedError if it does not exist."""
        table = self.find(name, schema)
        if table is None:
            if schema and schema not in self.schemas():
                raise StatementFailedError(f'schema "{schema}" does not exist')
            raise StatementFailedError(f'relation "{f"{schema}." if schema else ""}{name}" does not exist')
        return table

    def columns(self, table: TableName) -> list[Column]:
        """Returns the columns of a table or view, in order."""
        database, schema = ("temp", "main") if table.schema == TEMPORARY else ("memory", table.schema)
        rows = self._connection.execute(
            "SELECT column_name, data_type, comment, is_nullable, column_default FROM duckdb_columns() WHERE database_name = ?"
            " AND schema_name = ? AND table_name = ? ORDER BY column_index",
            [database, schema, table.name],
        ).fetchall()
        return [
            Column(
                name=name,
                kind=shown_type(declared) if declared else type_of_duck(duck),
                nullable=nullable,
                default=default,
            )
            for name, duck, declared, nullable, default in rows
        ]

    def listed(self) -> list[tuple[str, str, str]]:
        """Returns schema, name and kind (TABLE, VIEW) of every table and view."""
        rows = self._connection.execute(
            "SELECT schema_name, table_name, 'TABLE' FROM duckdb_tables() WHERE database_name = 'memory' UNION ALL "
            "SELECT schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE database_name = 'memory' AND NOT internal "
            "ORDER BY ALL"
        ).fetchall()
        return [(schema, name, kind) for schema, name, kind in rows if schema not in _OWN]

    def create(self, table: TableName, columns: Sequence[Column], *, missing_only: bool = False) -> None:
        """Create an empty table, without PRIMARY KEY, UNIQUE and FOREIGN KEY, which Redshift does not enforce."""
        if len(columns) > MOST_COLUMNS:
            raise StatementFailedError(f"tables can have at most {MOST_COLUMNS} columns")
        if self._exists(table.schema, table.name):
            if missing_only:
                return
            raise StatementFailedError(f'Relation "{table.name}" already exists')
        parts = [f"{quote(c.name)} {c.kind.duck}{_options(c)}" for c in columns]
        kind = "TEMP TABLE" if table.schema == TEMPORARY else "TABLE"
        self._connection.execute(f"CREATE {kind} {table.sql} ({', '.join(parts)})")
        self.declare(table, *columns)

    def declare(self, table: TableName, *columns: Column) -> None:
        """Store the declared types of columns."""
        comments = (f"COMMENT ON COLUMN {table.sql}.{quote(c.name)} IS {text(str(c.kind))}" for c in columns)
        self._connection.execute(";".join(comments))

    def _exists(self, schema: str, name: str) -> bool:
        database, inside = ("temp", "main") if schema == TEMPORARY else ("memory", schema)
        if inside in _OWN and database != "temp":
            return False
        row = self._connection.execute(
            "SELECT count(*) FROM (SELECT table_name AS n, schema_name AS s, database_name AS d FROM duckdb_tables() UNION ALL "
            "SELECT view_name, schema_name, database_name FROM duckdb_views()) WHERE n = ? AND s = ? AND d = ?",
            [name, inside, database],
        ).fetchone()
        return bool(row and row[0])


def _options(column: Column) -> str:
    default = f" DEFAULT {column.default}" if column.default is not None else ""
    return default + ("" if column.nullable else " NOT NULL")
