"""System tables that statements may read.

(https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html, https://docs.aws.amazon.com/redshift/latest/dg/r_PG_TABLE_DEF.html)
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from rds_lake.localcloud.redshift.engine.tables import SYSTEM
from rds_lake.localcloud.redshift.loading.copying import BadValue

_VIEWS = {
    "pg_table_def": """SELECT schema_name AS schemaname, table_name AS tablename, column_name AS "column", comment AS type,
        'none' AS encoding, false AS distkey, 0 AS sortkey, NOT is_nullable AS notnull FROM duckdb_columns()
        WHERE database_name = 'memory' AND comment IS NOT NULL ORDER BY schema_name, table_name, column_index""",
}

_LOAD_ERRORS = f"""CREATE TABLE {SYSTEM}.sys_load_error_detail (user_id INTEGER, query_id BIGINT, transaction_id BIGINT,
    session_id INTEGER, database_name VARCHAR, table_id INTEGER, start_time TIMESTAMP, file_name VARCHAR, line_number BIGINT,
    column_name VARCHAR, column_type VARCHAR, column_length VARCHAR, position INTEGER, error_code INTEGER, error_message VARCHAR)"""


def make_views(database: duckdb.DuckDBPyConnection) -> None:
    """Make them in a new database, and the table of what loads refused."""
    database.execute(f"CREATE SCHEMA {SYSTEM}")
    database.execute(_LOAD_ERRORS)
    for name, query in _VIEWS.items():
        database.execute(f"CREATE VIEW {SYSTEM}.{name} AS {query}")


def report_load(connection: duckdb.DuckDBPyConnection, query: int, database: str, bad: Sequence[BadValue]) -> None:
    """Remember what a load refused: in a transaction of its own, since the load's may be rolled back."""
    if not bad:
        return
    own = connection.cursor()
    try:
        for each in bad:
            own.execute(
                f"INSERT INTO {SYSTEM}.sys_load_error_detail (query_id, database_name, start_time, file_name, line_number, "
                "column_name, column_type, error_code, error_message) VALUES (?, ?, now() AT TIME ZONE 'UTC', ?, ?, ?, ?, ?, ?)",
                [query, database, each.url, each.line, each.column, each.kind, each.code, each.message],
            )
    finally:
        own.close()
