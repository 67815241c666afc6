"""System tables that statements may read: views of DuckDB's own catalogue.

(https://docs.aws.amazon.com/redshift/latest/dg/r_PG_TABLE_DEF.html)
"""

from __future__ import annotations

import duckdb

from rds_lake.localcloud.redshift.engine.tables import SYSTEM

_VIEWS = {
    "pg_table_def": """SELECT schema_name AS schemaname, table_name AS tablename, column_name AS "column", comment AS type,
        'none' AS encoding, false AS distkey, 0 AS sortkey, NOT is_nullable AS notnull FROM duckdb_columns()
        WHERE database_name = 'memory' AND comment IS NOT NULL ORDER BY schema_name, table_name, column_index""",
}


def make_views(database: duckdb.DuckDBPyConnection) -> None:
    """Make them in a new database."""
    database.execute(f"CREATE SCHEMA {SYSTEM}")
    for name, query in _VIEWS.items():
        database.execute(f"CREATE VIEW {SYSTEM}.{name} AS {query}")
