"""System tables and views that statements may read: views of DuckDB's catalogue, and tables that are filled when they are named.

(https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_system-tables.html)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from rds_lake.localcloud.athena.relations import quote
from rds_lake.localcloud.athena.sql.pruning import Condition
from rds_lake.localcloud.redshift.engine.locking.transactions import Transactions
from rds_lake.localcloud.redshift.engine.monitoring.history import COLUMNS, History, User, as_tuples, columns_of
from rds_lake.localcloud.redshift.engine.tables import SYSTEM, TEMPORARY, TableName, Tables
from rds_lake.localcloud.redshift.spectrum.listing import EXTERNAL_VIEWS, external_rows
from rds_lake.localcloud.redshift.spectrum.relations import Spectrum
from rds_lake.localcloud.redshift.sql.types import ColumnType

_SCHEMAS = "database_name = 'memory' AND schema_name NOT IN ('main', 'information_schema', 'pg_catalog', 'lc_system')"
_VIEWS = {
    "pg_table_def": """SELECT schema_name AS schemaname, table_name AS tablename, column_name AS "column", comment AS type,
        'none' AS encoding, false AS distkey, 0 AS sortkey, NOT is_nullable AS notnull FROM duckdb_columns()
        WHERE database_name = 'memory' AND comment IS NOT NULL ORDER BY schema_name, table_name, column_index""",
    "svv_tables": f"""SELECT 'dev' AS table_catalog, schema_name AS table_schema, table_name, 'BASE TABLE' AS table_type,
        CAST(NULL AS VARCHAR) AS remarks FROM duckdb_tables() WHERE {_SCHEMAS} UNION ALL
        SELECT 'dev', schema_name, view_name, 'VIEW', NULL FROM duckdb_views() WHERE {_SCHEMAS}""",
    "svv_columns": f"""SELECT 'dev' AS table_catalog, schema_name AS table_schema, table_name, column_name,
        column_index AS ordinal_position, column_default, CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
        regexp_replace(comment, '\\(.*', '') AS data_type, CASE WHEN comment LIKE 'character%' THEN
        CAST(regexp_extract(comment, '\\((\\d+)', 1) AS INTEGER) END AS character_maximum_length,
        CASE WHEN comment LIKE 'numeric%' THEN CAST(regexp_extract(comment, '\\((\\d+)', 1) AS INTEGER) END AS numeric_precision,
        CASE WHEN comment LIKE 'numeric%' THEN CAST(regexp_extract(comment, ',(\\d+)', 1) AS INTEGER) END AS numeric_scale,
        CAST(NULL AS VARCHAR) AS remarks FROM duckdb_columns() WHERE {_SCHEMAS} AND comment IS NOT NULL""",
    "pg_tables": f"""SELECT schema_name AS schemaname, table_name AS tablename, 'admin' AS tableowner
        FROM duckdb_tables() WHERE {_SCHEMAS}""",
}
_EXTERNAL_SCHEMAS = f"""CREATE TABLE {SYSTEM}.external_schemas (schemaname VARCHAR, databasename VARCHAR, role VARCHAR,
    region VARCHAR)"""
_MADE = {
    "svv_table_info": "database v, schema v, table_id l, table v, size l, tbl_rows l",
    "svv_transactions": "txn_owner v, txn_db v, xid l, pid i, lock_mode v, lockable_object_type v, relation_name v, granted b",
    "stv_db_isolation_level": "db_name v, isolation_level v",
}
_ARROW = {"i": pa.int32(), "l": pa.int64(), "v": pa.string(), "t": pa.timestamp("us"), "b": pa.bool_()}
_FIRST_OID = 100_000
# Names that are found without a schema, or with the schema `pg_catalog`.
SYSTEM_NAMES = frozenset({*_VIEWS, *_MADE, *COLUMNS, *EXTERNAL_VIEWS})


def make_views(database: duckdb.DuckDBPyConnection) -> None:
    """Create the views in a new database, and the table of its external schemas."""
    database.execute(f"CREATE SCHEMA {SYSTEM}")
    database.execute(_EXTERNAL_SCHEMAS)
    for name, query in _VIEWS.items():
        database.execute(f"CREATE VIEW {SYSTEM}.{name} AS {query}")


def table_id(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Returns a table's number, by `schema.name`."""
    schema, _, table = name.partition(".")
    rows = connection.execute(
        "SELECT table_oid FROM duckdb_tables() WHERE database_name = 'memory' AND schema_name = ? AND table_name = ?",
        [schema, table],
    ).fetchall()
    return _FIRST_OID + (int(rows[0][0]) if rows else 0)


class SystemViews:
    """The system views of one session."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: Tables, database: str, history: History,
        transactions: Transactions, spectrum: Spectrum, user: Callable[[], User],
    ) -> None:  # fmt: skip
        self._connection, self._tables, self._database, self._history = connection, tables, database, history
        self._transactions, self._spectrum, self._user = transactions, spectrum, user
        self._bound = 0

    def begin(self) -> None:
        """Begin the next statement, which uses the names of temporary tables again."""
        self._bound = 0

    def bound(self, name: str, conditions: tuple[Condition, ...]) -> tuple[TableName, dict[str, ColumnType | None]]:
        """Returns a table with the rows of a view. Its columns have no declared types."""
        if name in _VIEWS:
            return TableName(schema=SYSTEM, name=name), {}
        columns, rows = self._rows(name, conditions)
        arrays = [pa.array([row[n] for row in rows], type=_ARROW[letter]) for n, (_, letter) in enumerate(columns)]
        self._bound += 1
        target, source = f"lc_system_{self._bound}", f"lc_rows_{self._bound}"
        self._connection.register(source, pa.table(arrays, names=[column for column, _ in columns]))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {quote(target)} AS SELECT * FROM {quote(source)}")
        self._connection.unregister(source)
        return TableName(schema=TEMPORARY, name=target), {}

    def _rows(
        self, name: str, conditions: tuple[Condition, ...]
    ) -> tuple[list[tuple[str, str]], Sequence[tuple[Any, ...]]]:
        if name in COLUMNS:
            return columns_of(name), as_tuples(name, self._history.rows(name, self._user()))
        if name in EXTERNAL_VIEWS:
            integers = ("esoid", "eskind", "esowner", "compressed", "columnnum", "part_key")
            columns = [(column, "i" if column in integers else "v") for column in EXTERNAL_VIEWS[name]]
            return columns, external_rows(self._spectrum, name, conditions)
        columns = [(part.split()[0], part.split()[1]) for part in _MADE[name].split(", ")]
        return columns, getattr(self, f"_{name}")()

    def _svv_table_info(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for schema, table, kind in self._tables.listed():
            if kind == "TABLE":
                name = TableName(schema=schema, name=table)
                count = self._connection.execute(f"SELECT count(*) FROM {name.sql}").fetchone()
                rows.append(
                    (self._database, schema, table_id(self._connection, str(name)), table, 1, count[0] if count else 0)
                )
        return [row for row in rows if row[-1]]

    def _svv_transactions(self) -> list[tuple[Any, ...]]:
        shown = self._transactions.shown()
        return [("admin", self._database, xid, 1073741824, lock, "relation", table, True) for xid, table, lock in shown]

    def _stv_db_isolation_level(self) -> list[tuple[Any, ...]]:
        level = "Snapshot Isolation" if self._transactions.snapshot else "Serializable"
        return [(self._database, level)]
